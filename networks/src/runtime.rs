//! Serving a model: by tract, which is part of hark, or by ONNX Runtime's own library where one is given.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::session::Session;
use ort::value::TensorRef;
use tract_onnx::prelude::{
    DatumType, Framework, InferenceFact, InferenceModel, InferenceModelExt, IntoRunnable, Tensor, TractResult,
    TypedRunnableModel, tvec,
};

use crate::error::{Error, Result, reason};
use crate::onnx::{ERRORS, RECONSTRUCTION, SCORE, Signature};
use crate::windows::{Scores, Windows};

/// Windows that go through a model at a time.
const BATCH: usize = 1_024;

/// ONNX Runtime, loaded.
#[derive(Debug, Clone)]
pub struct Library(Environment);

/// The one that this process has: `ort` loads no second one, and takes any path for the first one's.
static LOADED: Mutex<Option<(PathBuf, Library)>> = Mutex::new(None);

impl Library {
    /// One library serves a process: a second path is refused.
    pub fn load(path: &Path) -> Result<Self> {
        let failed = |reason: String| Error::Library { path: path.to_owned(), reason };
        // A relative path would be looked for beside the program.
        let whole = path.canonicalize().map_err(|error| failed(reason(error)))?;
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((first, library)) = &*loaded {
            let other = || failed(format!("{} is loaded already, and a process takes one", first.display()));
            return if *first == whole { Ok(library.clone()) } else { Err(other()) };
        }
        let builder = ort::init_from(&whole).map_err(|error| failed(reason(error)))?;
        let environment = builder.with_name("hark").with_telemetry(false).build();
        let library = Self(environment.map_err(|error| failed(reason(error)))?);
        *loaded = Some((whole, library.clone()));
        Ok(library)
    }
}

/// A model that answers.
#[derive(Debug)]
pub struct Served {
    signature: Signature,
    meaning: Meaning,
    engine: Engine,
}

#[derive(Debug)]
enum Engine {
    Tract(Box<Tract>),
    Native(Box<Session>),
}

/// tract wants to know how many windows come at a time where a network has a memory: it is made ready for one number of
/// them, and anew for another.
#[derive(Debug)]
struct Tract {
    model: InferenceModel,
    ready: Option<(Vec<usize>, Arc<TypedRunnableModel>)>,
}

impl Tract {
    fn ready(&mut self, dims: &[usize]) -> TractResult<Arc<TypedRunnableModel>> {
        if let Some((known, model)) = &self.ready
            && known == dims
        {
            return Ok(Arc::clone(model));
        }
        let given = InferenceFact::dt_shape(DatumType::F32, dims);
        let model = self.model.clone().with_input_fact(0, given)?.into_optimized()?.into_runnable()?;
        self.ready = Some((dims.to_vec(), Arc::clone(&model)));
        Ok(model)
    }
}

/// Where among the outputs they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Meaning {
    score: Option<usize>,
    errors: Option<usize>,
    reconstruction: Option<usize>,
}

/// An output: its dimensions and numbers. One that is not of 32-bit floats has none.
type Output = (Vec<usize>, Vec<f32>);

impl Served {
    /// By ONNX Runtime where its library is given, else by tract.
    pub fn new(bytes: &[u8], library: Option<&Library>) -> Result<Self> {
        let signature = Signature::of(bytes)?;
        let engine = match library {
            Some(library) => Engine::native(library, bytes)?,
            None => Engine::tract(bytes)?,
        };
        let mut served = Self { signature, meaning: Meaning::default(), engine };
        served.meaning = served.find_meaning()?;
        Ok(served)
    }

    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Rows in a window.
    pub fn time(&self) -> usize {
        self.signature.time.unwrap_or(1)
    }

    pub fn columns(&self) -> usize {
        self.signature.columns
    }

    pub fn engine(&self) -> &'static str {
        match self.engine {
            Engine::Tract(_) => "tract",
            Engine::Native(_) => "ONNX Runtime",
        }
    }

    pub fn gives_reconstruction(&self) -> bool {
        self.meaning.reconstruction.is_some()
    }

    pub fn score(&mut self, windows: &Windows) -> Result<Scores> {
        windows.check_size(self.time(), self.columns())?;
        let mut found = Scores::default();
        for from in (0..windows.count()).step_by(BATCH) {
            let to = (from + BATCH).min(windows.count());
            let values = &windows.values()[from * windows.size()..to * windows.size()];
            let outputs = self.run(to - from, values)?;
            self.meaning.add(values, self.columns(), self.time(), outputs, &mut found)?;
        }
        Ok(found)
    }

    fn run(&mut self, count: usize, values: &[f32]) -> Result<Vec<Output>> {
        let mut dims = vec![count];
        dims.extend(self.signature.time);
        dims.push(self.signature.columns);
        self.engine.run(&dims, values, self.signature.outputs.len())
    }

    /// By names where they are ours, else by dimensions, which are known from an answer for certain.
    fn find_meaning(&mut self) -> Result<Meaning> {
        // As many windows as nothing else has.
        let mut count = 3;
        while [self.columns(), self.time()].contains(&count) {
            count += 1;
        }
        let given: Vec<f32> = vec![0.5; count * self.time() * self.columns()];
        let outputs = self.run(count, &given)?;
        let (names, columns) = (&self.signature.outputs, self.columns());
        let mut whole = vec![count];
        whole.extend(self.signature.time);
        whole.push(columns);
        let has = |at: &usize, dims: &[usize]| outputs[*at].0 == dims && !outputs[*at].1.is_empty();
        let find = |name: &str, fits: &dyn Fn(&usize) -> bool, any: bool| {
            let named = (0..names.len()).find(|at| names[*at] == name && fits(at));
            named.or_else(|| (0..names.len()).filter(|_| any).find(fits))
        };
        let is_score = |at: &usize| has(at, &[count]) || has(at, &[count, 1]);
        let reconstruction = find(RECONSTRUCTION, &|at| has(at, &whole) && names[*at] != SCORE, true);
        let score = find(SCORE, &is_score, reconstruction.is_none());
        let errors = find(ERRORS, &|at| has(at, &[count, columns]), false).filter(|_| score.is_some());
        if reconstruction.is_none() && score.is_none() {
            let said: Vec<String> =
                outputs.iter().zip(names).map(|((dims, _), name)| format!("{name} {dims:?}")).collect();
            let (said, scores) = (said.join(", "), format!("[{count}]"));
            return Err(Error::Refused(format!(
                "of {count} windows the model gives {said}; export one that gives a reconstruction {whole:?} or scores {scores}"
            )));
        }
        Ok(Meaning { score, errors, reconstruction })
    }
}

impl Engine {
    fn tract(bytes: &[u8]) -> Result<Self> {
        let read = || tract_onnx::onnx().model_for_read(&mut &bytes[..]);
        let model = catch_unwind(read).map_err(|_| fallen())?;
        // The innermost cause says which operator it was.
        let model = model.map_err(|error| Error::Tract { reason: reason(error.root_cause()) })?;
        Ok(Self::Tract(Box::new(Tract { model, ready: None })))
    }

    fn native(library: &Library, bytes: &[u8]) -> Result<Self> {
        let built = || -> ort::Result<Session> {
            // One thread: ten thousand windows take milliseconds, and other work of the machine goes on.
            let mut builder = Session::builder(&library.0)?.with_intra_threads(1)?.with_inter_threads(1)?;
            builder.commit_from_memory(bytes)
        };
        let session = built().map_err(|error| Error::Native { reason: reason(error) })?;
        Ok(Self::Native(Box::new(session)))
    }

    fn run(&mut self, dims: &[usize], values: &[f32], outputs: usize) -> Result<Vec<Output>> {
        match self {
            Self::Tract(tract) => {
                let answer = || tract.ready(dims)?.run(tvec!(Tensor::from_shape(dims, values)?.into()));
                let answered = catch_unwind(AssertUnwindSafe(answer)).map_err(|_| fallen())?;
                let answered = answered.map_err(|error| Error::Tract { reason: reason(error.root_cause()) })?;
                let numbers = |tensor: &Tensor| match tensor.to_plain_array_view::<f32>() {
                    Ok(view) => view.iter().copied().collect(),
                    Err(_) => Vec::new(),
                };
                Ok(answered.iter().map(|value| (value.shape().to_vec(), numbers(value))).collect())
            }
            Self::Native(session) => {
                let failed = |error: ort::Error| Error::Native { reason: reason(error) };
                let input = TensorRef::from_array_view((dims.to_vec(), values)).map_err(failed)?;
                let answered = session.run(ort::inputs![input]).map_err(failed)?;
                let read = |at: usize| match answered[at].try_extract_tensor::<f32>() {
                    Ok((dims, numbers)) => {
                        (dims.iter().map(|dim| usize::try_from(*dim).unwrap_or(0)).collect(), numbers.to_vec())
                    }
                    Err(_) => Output::default(),
                };
                Ok((0..outputs).map(read).collect())
            }
        }
    }
}

/// tract panics on what does not fit together in a damaged model.
fn fallen() -> Error {
    Error::Tract { reason: "it fell over a part that does not fit the rest; is the file damaged?".to_owned() }
}

impl Meaning {
    fn add(
        self,
        given: &[f32],
        columns: usize,
        time: usize,
        mut outputs: Vec<Output>,
        found: &mut Scores,
    ) -> Result<()> {
        let count = given.len() / (columns * time);
        let mut take = |at: Option<usize>| at.and_then(|at| outputs.get_mut(at)).map(|one| std::mem::take(&mut one.1));
        let (score, errors, made) = (take(self.score), take(self.errors), take(self.reconstruction));
        let of = |numbers: &Option<Vec<f32>>, a_window: usize| {
            numbers.as_ref().is_none_or(|numbers| numbers.len() == count * a_window)
        };
        if !(of(&score, 1) && of(&errors, columns) && of(&made, columns * time)) {
            return Err(Error::Refused(format!(
                "of {count} windows the model gives an answer of another size than of a few; export it with a free first dimension"
            )));
        }
        let errors = errors
            .or_else(|| made.as_ref().filter(|_| score.is_none()).map(|made| errors_of(given, made, columns, time)));
        let mean =
            |errors: &Vec<f32>| errors.chunks(columns).map(|one| one.iter().sum::<f32>() / columns as f32).collect();
        found.scores.extend(score.or_else(|| errors.as_ref().map(mean)).unwrap_or_default());
        found.errors.extend(errors.unwrap_or_default());
        found.reconstruction.extend(made.unwrap_or_default());
        Ok(())
    }
}

/// Of a model that gives a reconstruction alone, in its own units.
fn errors_of(given: &[f32], made: &[f32], columns: usize, time: usize) -> Vec<f32> {
    let mut errors = Vec::with_capacity(given.len() / time);
    for (given, made) in given.chunks(columns * time).zip(made.chunks(columns * time)) {
        errors.extend((0..columns).map(|column| {
            let of = |values: &[f32]| -> Vec<f32> { values.iter().skip(column).step_by(columns).copied().collect() };
            of(given).iter().zip(of(made)).map(|(a, b)| (a - b) * (a - b)).sum::<f32>() / time as f32
        }));
    }
    errors
}

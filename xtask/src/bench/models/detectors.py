# Series, peers and judges for `cargo xtask bench models --only detectors`.
#   detectors.py series DATA DIR SETS       DIR/*.csv with timestamp,value, and what judging needs beside them; SETS such as nab,kpi,smd
#   detectors.py peers DIR OUT              OUT/<peer>/*.csv as ours are written
#   detectors.py judge DATA JUDGES DIR OUT  one line a detector: name,set,measure,value
# KPI: the 5,000 rows before the judged part and its first 10,000. SMD: 2,000 rows of training, and 6,000 of the test that begin
# 2,000 rows before its first label.
# A row is judged by rows before it: peers are fitted on the first rows alone, a matrix profile looks to the left.
import contextlib, csv, glob, gzip, io, json, os, sys, time, warnings
import numpy as np
warnings.filterwarnings("ignore")
KPI_BEFORE, KPI_AFTER, SMD_BEFORE, SMD_AFTER, WINDOW = 5_000, 10_000, 2_000, 6_000, 24
VUS_BUFFERS = range(0, 101, 10)

def write(path, times, values):
    with open(path, "w") as f:
        print("timestamp,value", file=f)
        for t, v in zip(times, values): print(f"{t},{'' if np.isnan(v) else repr(float(v))}", file=f)

def seconds(text): return int(np.datetime64(text.replace(" ", "T")).astype("datetime64[s]").astype(np.int64))

def series(data, folder, sets):
    truth, sets = {}, sets.split(",")
    for rel, windows in json.load(open(f"{data}/nab/labels/combined_windows.json")).items() if "nab" in sets else ():
        rows = list(csv.DictReader(open(f"{data}/nab/data/{rel}"))); times = [seconds(r["timestamp"]) for r in rows]
        label = np.zeros(len(rows), int)
        for a, b in windows: label[[seconds(a[:19]) <= t <= seconds(b[:19]) for t in times]] = 1
        name = "nab__" + rel.replace("/", "__"); write(f"{folder}/{name}", times, [float(r["value"]) for r in rows])
        truth[name] = (min(int(.15 * len(rows)), 750), label.tolist())
    for r in csv.DictReader(open(f"{data}/kpi_aiops/manifest.csv")) if "kpi" in sets else ():
        with gzip.open(f"{data}/kpi_aiops/series/{r['id']}.csv.gz", "rt") as f: rows = list(csv.DictReader(f))
        n = int(r["n_train"]); a, b = max(0, n - KPI_BEFORE), min(len(rows), n + KPI_AFTER)
        times = [int(r["start"]) + i * int(r["step"]) for i in range(a, b)]
        value = lambda x: float(x["value"]) if x["value"] else np.nan
        write(f"{folder}/kpi__{r['id']}.csv", times, [value(x) for x in rows[a:b]])
        truth[f"kpi__{r['id']}.csv"] = (n - a, [int(float(x["label"])) for x in rows[a:b]])
    for path in sorted(glob.glob(f"{data}/mts_smd/*_test.csv.gz")) if "smd" in sets else ():
        machine = os.path.basename(path)[:-len("_test.csv.gz")]
        def table(p):
            with gzip.open(p, "rt") as f: rows = list(csv.reader(f))
            try: float(rows[0][0])
            except ValueError: rows = rows[1:]
            return np.array(rows, float)
        label = [int(float(x.split(",")[-1])) for x in open(path.replace("test.csv.gz", "test_label.txt")) if x.strip()[:1].isdigit()]
        test = table(path); start = max(0, int(np.argmax(label)) - SMD_AFTER // 3); stop = min(len(label), start + SMD_AFTER)
        both = np.r_[table(path.replace("test", "train"))[-SMD_BEFORE:], test[start:stop]]
        for metric in range(both.shape[1]):
            name = f"smd__{machine}__{metric}.csv"; write(f"{folder}/{name}", range(0, 60 * len(both), 60), both[:, metric])
            truth[name] = (SMD_BEFORE, [0] * SMD_BEFORE + list(label[start:stop]))
    json.dump(truth, open(f"{folder}/truth.json", "w"))

def read(path):
    rows = np.genfromtxt(path, delimiter=",", skip_header=1, usecols=(1,)); ok = ~np.isnan(rows)
    # Peers know no gaps: the value before stands in.
    at = np.maximum.accumulate(np.where(ok, np.arange(len(rows)), 0)); return np.nan_to_num(rows[at])

def windows(y): return np.lib.stride_tricks.sliding_window_view(y, WINDOW)

def isolation_forest(y, n):
    from sklearn.ensemble import IsolationForest
    w = windows(y); model = IsolationForest(random_state=1).fit(w[:max(n - WINDOW, WINDOW)])
    return np.r_[np.zeros(WINDOW - 1), -model.score_samples(w)]

def sarimax(y, n):
    from statsmodels.tsa.statespace.sarimax import SARIMAX
    y = (y - y[:n].mean()) / (y[:n].std() or 1.0)
    fitted = SARIMAX(y[:n][-1000:], order=(1, 0, 1), trend="c").fit(disp=0, maxiter=50)
    run = SARIMAX(y, order=(1, 0, 1), trend="c").filter(fitted.params)
    return np.nan_to_num(np.abs(run.standardized_forecasts_error[0]))

def left_matrix_profile(y, n):
    import stumpy
    y = y + 1e-9 * (y.std() or 1.0) * np.random.default_rng(1).standard_normal(len(y)); left = stumpy.stump(y, WINDOW)[:, 2].astype(int)
    w = windows(y); z = (w - w.mean(1, keepdims=True)) / w.std(1, keepdims=True)
    found = np.where(left >= 0, np.linalg.norm(z - z[np.maximum(left, 0)], axis=1), 0.0)
    return np.r_[np.zeros(WINDOW - 1), found]

def moves(y, n): return np.r_[0.0, np.abs(np.diff(y))]

PEERS = {"sklearn isolation forest": isolation_forest, "statsmodels SARIMAX (1,0,1)": sarimax, "stumpy left matrix profile": left_matrix_profile, "difference to the row before": moves}

def peers(folder, out):
    truth = json.load(open(f"{folder}/truth.json"))
    for name, peer in PEERS.items():
        os.makedirs(f"{out}/{name}", exist_ok=True); took = rows = 0
        for file, (n, _) in truth.items():
            y = read(f"{folder}/{file}"); start = time.perf_counter()
            try: score = peer(y, max(n, 4 * WINDOW))
            except Exception as error: print(f"{name} cannot judge {file}: {error}", file=sys.stderr); score = np.zeros(len(y))
            took += time.perf_counter() - start; rows += len(y)
            np.savetxt(f"{out}/{name}/{file}", score, fmt="%.8g")
        print(f"{name},{rows},{took:.3f}", flush=True)

# Volume under the surface of precision and recall (Paparrizos and others 2022): the mean over buffers around each segment of
# the area under precision over recall, where labels fade by the root of the distance and recall counts segments touched.
def vus_pr(label, score):
    label = np.asarray(label, float); edge = np.flatnonzero(np.diff(np.r_[0, label, 0])); starts, ends = edge[::2], edge[1::2]
    order = np.argsort(-score, kind="stable"); areas = []
    at = np.unique(np.linspace(0, len(score) - 1, 250).astype(int)); threshold = score[order][at]
    last = np.searchsorted(-score[order], -threshold, side="right"); last, keep = np.unique(last, return_index=True); threshold = threshold[keep]
    for buffer in VUS_BUFFERS:
        soft = label.copy()
        for s, e in zip(starts, ends):
            if buffer:
                before = np.arange(max(0, s - buffer // 2), s); after = np.arange(e, min(len(label), e + buffer // 2))
                soft[before] = np.maximum(soft[before], np.sqrt(1 - (s - before) / buffer))
                soft[after] = np.maximum(soft[after], np.sqrt(1 - (after - e + 1) / buffer))
        edge = np.flatnonzero(np.diff(np.r_[0, soft > 0, 0].astype(int))); peaks = np.array([score[a:b].max() for a, b in zip(edge[::2], edge[1::2])])
        hits = np.cumsum(soft[order])[last - 1]; existence = (peaks[:, None] >= threshold[None]).mean(0)
        recall = np.minimum(hits / ((label.sum() + soft.sum()) / 2), 1) * existence; precision = hits / last
        areas.append(float(np.sum(np.diff(np.r_[0.0, recall]) * precision)))
    return float(np.mean(areas))

def judge(data, judges, folder, out):
    sys.path.insert(0, judges); os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1"); sys.dont_write_bytecode = True
    # It judges what its first argument names as soon as it is imported, and says what it did not find there.
    with contextlib.redirect_stdout(io.StringIO()): import events
    import nab
    truth = json.load(open(f"{folder}/truth.json"))
    for name in sorted(os.listdir(out)):
        is_peer = name in PEERS; scores, flags = {}, {}
        for file in truth:
            table = np.genfromtxt(f"{out}/{name}/{file}", delimiter=",", skip_header=0 if is_peer else 1)
            scores[file], flags[file] = (table, None) if is_peer else (table[:, 2], table[:, 4].astype(int))
        def line(kind, measure, values): print(name, kind, measure, repr(float(np.mean(values))), len(np.atleast_1d(values)), sep="|", flush=True)
        windowsfile = json.load(open(f"{data}/nab/labels/combined_windows.json")); loaded = {}
        for rel, found in windowsfile.items() if any(file.startswith("nab") for file in truth) else ():
            times = [r[0] for r in list(csv.reader(open(f"{data}/nab/data/{rel}")))[1:]]
            loaded[rel] = (scores["nab__" + rel.replace("/", "__")], [(times.index(a[:19]), times.index(b[:19])) for a, b in found])
        files = sorted(loaded)
        if files: line("NAB", "standard", [nab.evaluate(loaded, files)["standard"][0]])
        if files: line("NAB", "frozen", [nab.evaluate(loaded, files[1::2], files[0::2])["standard"][0], nab.evaluate(loaded, files[0::2], files[1::2])["standard"][0]])
        for kind in ("nab", "kpi"):
            V, E, F = [], [], []
            for file, (n, label) in truth.items():
                if not file.startswith(kind) or not any(label[n:]): continue
                score, label = scores[file][n:], np.array(label[n:])
                V.append(vus_pr(label, score)); E.append(events.best(label, score))
                if not is_peer: F.append(events.own(label, flags[file][n:])[0])
            if not V: continue
            line(kind.upper(), "VUS-PR", V); line(kind.upper(), "event F1, best threshold", E)
            if F: line(kind.upper(), "event F1, own alarms", F)
        V, E = [], []
        for machine in sorted({file.split("__")[1] for file in truth if file.startswith("smd")}):
            # Each metric's score as decades of its rank, so that all metrics speak alike; their mean is the machine's.
            own = [file for file in truth if file.startswith(f"smd__{machine}__")]; n, label = truth[own[0]]
            def decades(score): return -np.log10((len(score) - np.searchsorted(np.sort(score), score, side="left")) / len(score))
            score = np.mean([decades(scores[file][n:]) for file in own], axis=0); V.append(vus_pr(label[n:], score)); E.append(events.best(np.array(label[n:]), score))
        if V: line("SMD", "VUS-PR", V); line("SMD", "event F1, best threshold", E)

{"series": series, "peers": peers, "judge": judge}[sys.argv[1]](*sys.argv[2:])

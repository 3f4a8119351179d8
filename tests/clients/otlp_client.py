"""Sends logs and metrics with OpenTelemetry's own SDK and exporters, and prints what it sent as one JSON object.

    otlp_client.py http://127.0.0.1:8080 --protocol http --temporality delta
    otlp_client.py 127.0.0.1:4317 --protocol grpc --temporality cumulative --compression gzip

Every kind of instrument is used. `count` is how many requests a metric of kind `count` must find, `values` the values
that were recorded. Needs opentelemetry-sdk and both opentelemetry-exporter-otlp packages.
"""

import argparse
import json
import os
import random
import sys
import time

import grpc
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetricExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetricExporter
from opentelemetry.metrics import Observation
from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

RESOURCE = Resource({"service.name": "otlp-client", "service.instance.id": "one"})
BOUNDS = [5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0]
WAIT_EXTREMES = [1.0, 2000.0]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("endpoint", help="http://host:port for http, host:port for grpc")
    parser.add_argument("--protocol", choices=["http", "grpc"], default="http")
    parser.add_argument("--temporality", choices=["delta", "cumulative"], default="cumulative")
    parser.add_argument("--compression", choices=["none", "gzip"], default="none")
    parser.add_argument("--records", type=int, default=200, help="log records")
    parser.add_argument("--rounds", type=int, default=3, help="exports of metrics")
    parser.add_argument("--seconds-between", type=float, default=0.2, help="between the rounds")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def exporters(given):
    kinds = [sdk.Counter, sdk.UpDownCounter, sdk.Histogram, sdk.ObservableCounter, sdk.ObservableUpDownCounter]
    kinds += [sdk.ObservableGauge]
    temporality = AggregationTemporality[given.temporality.upper()]
    preferred = {kind: temporality for kind in kinds}
    if given.protocol == "grpc":
        packing = grpc.Compression.Gzip if given.compression == "gzip" else grpc.Compression.NoCompression
        options = {"endpoint": given.endpoint, "insecure": True, "compression": packing}
        return GrpcLogExporter(**options), GrpcMetricExporter(preferred_temporality=preferred, **options)
    packing = Compression.Gzip if given.compression == "gzip" else Compression.NoCompression
    logs = HttpLogExporter(endpoint=f"{given.endpoint}/v1/logs", compression=packing)
    metrics = HttpMetricExporter(
        endpoint=f"{given.endpoint}/v1/metrics", compression=packing, preferred_temporality=preferred
    )
    return logs, metrics


def send_logs(exporter, given, chance):
    provider = LoggerProvider(resource=RESOURCE)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = provider.get_logger("otlp-client")
    run = f"{time.time_ns():x}"
    outcomes, total_ms = {"ok": 0, "error": 0}, {"ok": 0.0, "error": 0.0}
    for number in range(given.records):
        outcome = "error" if chance.random() < 0.1 else "ok"
        outcomes[outcome] += 1
        now = time.time_ns()
        fields = {"outcome": outcome, "total_ms": round(chance.lognormvariate(6, 0.5), 3), "turn": number}
        total_ms[outcome] += fields["total_ms"]
        attributes = {"log.record.uid": f"{run}-{number}", "user.id": f"user-{number % 7}", "platform.name": "kitchen"}
        # One half as attributes, the other as a structured body.
        in_body = number % 2 == 0
        logger.emit(
            LogRecord(
                timestamp=now,
                observed_timestamp=now,
                severity_number=SeverityNumber.ERROR if outcome == "error" else SeverityNumber.INFO,
                body=fields if in_body else f"turn {number}",
                attributes=attributes if in_body else {**attributes, **fields},
                event_name="assistant.turn",
            )
        )
    provider.force_flush()
    provider.shutdown()
    sums = {outcome: round(sum, 3) for outcome, sum in total_ms.items()}
    return {"count": given.records, "outcomes": outcomes, "users": min(7, given.records), "total_ms": sums}


def send_metrics(exporter, given, chance):
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    views = [View(instrument_name="client.wait", aggregation=ExponentialBucketHistogramAggregation())]
    provider = MeterProvider(resource=RESOURCE, metric_readers=[reader], views=views)
    meter = provider.get_meter("otlp-client", "1")
    seen, level = {"total": 0}, {"now": 0.0}

    asked = meter.create_counter("client.asked", unit="1")
    spent = meter.create_counter("client.spent", unit="s")
    sessions = meter.create_up_down_counter("client.sessions")
    volume = meter.create_gauge("client.volume")
    latency = meter.create_histogram("client.latency", unit="ms", explicit_bucket_boundaries_advisory=BOUNDS)
    wait = meter.create_histogram("client.wait", unit="ms")
    meter.create_observable_counter("client.seen", [lambda _: [Observation(seen["total"], {"kind": "lamp"})]])
    meter.create_observable_up_down_counter("client.queue", [lambda _: [Observation(-3)]])
    meter.create_observable_gauge("client.level", [lambda _: [Observation(level["now"])]])

    outcomes = {"ok": 0, "error": 0}
    values = {"client.latency": [], "client.wait": [], "client.volume": [], "client.level": []}
    # The extremes first. Where later values make the SDK widen its buckets, all totals are told anew in other buckets,
    # and hark cannot tell what is new in them.
    for value in WAIT_EXTREMES:
        for outcome in outcomes:
            values["client.wait"].append(value)
            wait.record(value, {"outcome": outcome})
    for turn in range(given.rounds):
        for _ in range(50):
            outcome = "error" if chance.random() < 0.1 else "ok"
            outcomes[outcome] += 1
            asked.add(1, {"outcome": outcome})
            for name, histogram in (("client.latency", latency), ("client.wait", wait)):
                value = round(chance.lognormvariate(4, 0.8), 3)
                values[name].append(value)
                histogram.record(value, {"outcome": outcome})
        spent.add(0.25)
        sessions.add(2)
        seen["total"] += 11
        level["now"] = 20.5 + turn
        values["client.level"].append(level["now"])
        values["client.volume"].append(3 + turn)
        volume.set(3 + turn)
        if not reader.force_flush():
            sys.exit("the metrics were not taken")
        time.sleep(given.seconds_between)
    # Shutting down would collect once more.
    requests = 50 * given.rounds
    latencies, waits = values["client.latency"], values["client.wait"]
    return {
        "client.asked": {"kind": "counter", "count": requests, "outcomes": outcomes},
        "client.seen": {"kind": "observable counter", "count": seen["total"]},
        "client.latency": {"kind": "histogram", "count": requests, "values": latencies, "bounds": BOUNDS},
        "client.wait": {"kind": "exponential histogram", "count": len(waits), "values": waits},
        "client.spent": {"kind": "float counter", "points": given.rounds},
        "client.sessions": {"kind": "up-down counter", "points": given.rounds},
        "client.queue": {"kind": "observable up-down counter", "points": given.rounds},
        "client.volume": {"kind": "gauge", "points": given.rounds, "values": values["client.volume"]},
        "client.level": {"kind": "observable gauge", "points": given.rounds, "values": values["client.level"]},
    }


def main():
    given = arguments()
    chance = random.Random(given.seed)
    logs, metrics = exporters(given)
    sent = {"logs": send_logs(logs, given, chance), "metrics": send_metrics(metrics, given, chance)}
    json.dump(sent, sys.stdout)
    print(flush=True)
    # Exit hooks of the SDK would export everything once more.
    os._exit(0)


if __name__ == "__main__":
    main()

"""Checkpoint to bundle: export, optimize, quantize, verify. Needs the `export` extra (torch, transformers, optimum)."""

from sentiment_batch.export.checkpoint import Checkpoint
from sentiment_batch.export.exporter import ExportOptions, ExportReport, export_bundle
from sentiment_batch.export.sample import Sample

__all__ = ["Checkpoint", "ExportOptions", "ExportReport", "Sample", "export_bundle"]

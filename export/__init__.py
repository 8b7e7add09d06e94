"""Checkpoint to bundle: export, optimize, quantize, verify. Needs the `export` extra (torch, transformers, optimum)."""

from sentiment_batch.export.exporter import ExportOptions, ExportReport, export_bundle

__all__ = ["ExportOptions", "ExportReport", "export_bundle"]

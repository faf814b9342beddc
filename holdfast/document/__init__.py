"""The document: what a person writes, and what it asks for. Pure: text in, values out; callers read the files."""

from holdfast.document.binding import bind, bind_text, load
from holdfast.document.duration import parse_duration, write_duration
from holdfast.document.parameters import parse_param
from holdfast.document.problems import InvalidDocument, Problem
from holdfast.document.schema import json_schema
from holdfast.document.shape import Document
from holdfast.document.text import read_parameters

__all__ = [
    "Document",
    "InvalidDocument",
    "Problem",
    "bind",
    "bind_text",
    "json_schema",
    "load",
    "parse_duration",
    "parse_param",
    "read_parameters",
    "write_duration",
]

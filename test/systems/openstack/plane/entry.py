"""Run a console entry point of a package that installed no script: entry.py MODULE:FUNCTION [arguments]."""

import importlib
import sys

target, sys.argv = sys.argv[1], sys.argv[1:]
module, function = target.split(":")
sys.argv[0] = module.replace(".", "-")
sys.exit(getattr(importlib.import_module(module), function)())

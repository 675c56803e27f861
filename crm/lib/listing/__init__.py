"""One list machinery for every model: a model names its columns once, and list, filter builder, grouping, saved views and
export read them from there. Everything that shapes a list is in its address (docs/definitions.md)."""

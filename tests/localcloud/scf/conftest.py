"""Tiny projects with functions of a few lines, run by the real host and the real worker."""

import textwrap

import pytest

HEAD = """\
component: multi-scf
app: app
stage: dev
name: demo
inputs:
  runtime: Python3.10
"""


@pytest.fixture
def make_project(tmp_path):
    """Write a project: `functions` maps a key to the source of its index.py."""

    def make(functions, *, inputs="", fields="", triggers=""):
        text = HEAD + textwrap.indent(textwrap.dedent(inputs), "  ") + "  functions:\n"
        for key, source in functions.items():
            folder = tmp_path / "functions" / key
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "index.py").write_text(textwrap.dedent(source), "utf-8")
            text += f"    {key}:\n      src: ./functions/{key}\n      handler: index.main_handler\n"
            text += textwrap.indent(textwrap.dedent(fields), "      ")
        if triggers:
            text += "  triggers:\n" + textwrap.indent(textwrap.dedent(triggers), "    ")
        (tmp_path / "serverless.yml").write_text(text, "utf-8")
        return tmp_path

    return make

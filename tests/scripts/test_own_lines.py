"""A person sees the lines of their own files, as they lie in the working tree."""

from scripts.shared import own_lines

LOGGED = """Encountered exception during execution: ValueError('x')
Traceback (most recent call last):
  File "/opt/venv/lib/python3.11/site-packages/prefect/flow_engine.py", line 1339, in run_context
    yield self
  File "/opt/venv/lib/python3.11/site-packages/prefect/utilities/callables.py", line 404, in call_with_parameters
    return fn(*args, **kwargs)
           ^^^^^^^^^^^^^^^^^^^
  File "/opt/data-flows/flows/sales/orders.py", line 20, in orders
    read()
  File "/opt/data-flows/flows/shared/s3.py", line 7, in read
    raise ValueError("x")
  File "/opt/venv/lib/python3.11/site-packages/polars/frame.py", line 1, in read
    raise ValueError("x")
ValueError: x
"""


def test_paths_are_the_working_trees_and_prefects_frames_are_left_out():
    assert own_lines.readable(LOGGED).splitlines()[1:] == [
        "Traceback (most recent call last):",
        '  File "flows/sales/orders.py", line 20, in orders',
        "    read()",
        '  File "flows/shared/s3.py", line 7, in read',
        '    raise ValueError("x")',
        '  File "/opt/venv/lib/python3.11/site-packages/polars/frame.py", line 1, in read',
        '    raise ValueError("x")',
        "ValueError: x",
    ]


def test_what_is_no_traceback_stays_as_it_is():
    assert own_lines.readable('File "/opt/flows/a.py", line 1') == 'File "/opt/flows/a.py", line 1'


def test_the_last_line_of_a_flow_is_found():
    assert own_lines.last_own_line(LOGGED) == "flows/shared/s3.py:7"
    assert own_lines.last_own_line("ValueError: x") == ""

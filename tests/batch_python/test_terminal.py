"""What a person sees: a line that is written over in a terminal, plain lines in a pipe."""

import os
import pty
import re
import subprocess
import threading
import time

from conftest import ROOT

DOUBLES = ROOT / "tests" / "fixtures" / "dtype_fp32.onnx"
LINE = re.compile(r"predicting:(?: (\d+) %,)? (\d+) rows, (\d+) rows/s(?:, (\d+) s left)?")


def in_a_terminal(command, directory, feed=None):
    """Everything that a terminal gets of a command, and its exit code."""
    terminal, other = pty.openpty()
    process = subprocess.Popen(command, cwd=directory, env={}, stdin=other if feed is None else subprocess.PIPE,
                               stdout=other, stderr=other, start_new_session=True)
    os.close(other)
    if feed is not None:
        threading.Thread(target=feed, args=[process.stdin], daemon=True).start()
    seen = b""
    while True:
        try:
            read = os.read(terminal, 65536)
        except OSError:  # The other end is closed.
            break
        if not read:
            break
        seen += read
    os.close(terminal)
    return seen.decode().replace("\r\n", "\n"), process.wait()


def slowly(rows, blocks, pause):
    """Feeds rows, so that it takes a while on any machine."""
    def feed(pipe):
        pipe.write(b"a,b,c\n")
        for _ in range(blocks):
            pipe.write(b"1,2,3\n" * rows)
            pipe.flush()
            time.sleep(pause)
        pipe.close()
    return feed


def test_a_terminal_has_one_line_that_is_written_over_and_cleared_at_the_end(directory, predict):
    # More than a second of work: the line is written over every 200 ms.
    rows = 16_000_000
    (directory / "many.csv").write_bytes(b"a,b,c\n" + b"1.5,2.25,3.125\n" * rows)
    command = predict.command("--input", "many.csv", "--output", "many-out.csv", "--jobs", 1, model=DOUBLES)
    seen, code = in_a_terminal(command, directory)
    assert code == 0, seen
    begin, *shown = seen.split("\r\x1b[K")
    assert begin == "input x: a, b, c\n"
    *lines, summary = shown
    found = [LINE.fullmatch(line) for line in lines if line]
    assert len(found) >= 2 and all(found), lines
    assert all(line[1] and line[4] for line in found), "a file's size is known, and so is what is left"
    done = [int(line[2]) for line in found]
    assert done == sorted(set(done)) and done[-1] <= rows
    assert all(int(line[1]) <= 100 and int(line[3]) > 0 for line in found)
    assert re.fullmatch(rf"many-out\.csv: {rows} rows, \d+ bytes\n[\d.]+ s, \d+ rows/s\n", summary), summary


def test_of_a_stream_a_terminal_has_rows_and_rate_only(directory, predict):
    command = predict.command("--input", "-", "--input-format", "csv", "--output", "stream.csv", model=DOUBLES)
    seen, code = in_a_terminal(command, directory, slowly(20_000, 12, 0.1))
    assert code == 0, seen
    *lines, summary = seen.split("\r\x1b[K")[1:]
    found = [LINE.fullmatch(line) for line in lines if line]
    assert len(found) >= 2 and all(line and line[1] is None and line[4] is None for line in found), lines
    assert summary.startswith("stream.csv: 240000 rows, ")


def test_a_pipe_gets_plain_lines_now_and_then(directory, predict):
    command = predict.command("--input", "-", "--input-format", "csv", "--output", "piped.csv", model=DOUBLES)
    process = subprocess.Popen(command, cwd=directory, env={}, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    slowly(20_000, 21, 0.55)(process.stdin)
    told = process.stderr.read().decode()
    assert process.wait() == 0, told
    assert "\r" not in told and "\x1b" not in told
    first, line, *summary = told.splitlines()
    assert first == "input x: a, b, c" and LINE.fullmatch(line), told
    assert len(summary) == 2 and summary[0].startswith("piped.csv: 420000 rows, "), told


def test_control_c_leaves_a_clean_line_and_says_how_to_go_on(directory, predict):
    asked = ["--input", "many.csv", "--output", "broken.csv"]
    terminal, other = pty.openpty()
    process = subprocess.Popen(predict.command(*asked, "--jobs", 1, model=DOUBLES), cwd=directory, env={}, stdin=other,
                               stdout=other, stderr=other, start_new_session=True,
                               preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0))
    os.close(other)
    seen = b""
    while b"rows/s" not in seen:
        seen += os.read(terminal, 4096)
    os.write(terminal, b"\x03")
    try:
        while read := os.read(terminal, 4096):
            seen += read
    except OSError:  # The other end is closed.
        pass
    os.close(terminal)
    assert process.wait() == 1, seen
    told = seen.decode().replace("\r\n", "\n").split("\r\x1b[K")[-1]
    assert told == ("onnxd: the job was cancelled\n"
                    "onnxd: what is done lies in broken.csv.part; --resume goes on with it\n")
    told = predict(*asked, "--resume", model=DOUBLES)
    assert re.search(r"^[1-9]\d* rows were done before$", told, re.MULTILINE), told
    assert (directory / "broken.csv").read_bytes() == (directory / "many-out.csv").read_bytes()

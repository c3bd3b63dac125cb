"""What people write on the command line is read exactly, or refused with words that say how to write it."""

import argparse
from pathlib import Path

import pytest

from cli import main
from cli.errors import CommandFailed
from cli.money import micros_of
from cli.places import DEMO_KEY_FILE, Place


@pytest.mark.parametrize(("text", "micros"), [("50", 50_000_000), ("0.000001", 1), ("1e3", 1_000_000_000), ("0", 0)])
def test_dollars_are_read_to_the_micro(text: str, micros: int) -> None:
    assert micros_of(text) == micros


@pytest.mark.parametrize("text", ["", "ten", "-1", "nan", "inf", "1e30", "0.0000001", "1000000000.01"])
def test_other_amounts_are_refused_in_words(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"dollars|decimals"):
        micros_of(text)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "https://pictures.example/gesso", "http://[::1]:8080/"])
def test_an_address_of_a_platform_is_taken(url: str) -> None:
    assert Place({"GESSO_URL": url}).remote_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8080", "zork", "ftp://a", "http://", "http://a:", "http://a b", "http://a?x=1"]
)
def test_what_is_no_address_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(CommandFailed, match="GESSO_URL must be an address as http://"):
        _ = Place({"GESSO_URL": url}).remote_url


def test_a_damaged_state_is_told_from_none(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"secrets": {"operator')
    with pytest.raises(CommandFailed, match="put back a copy"):
        Place({"GESSO_HOME": str(tmp_path)}).state()
    with pytest.raises(CommandFailed, match="make run"):
        Place({"GESSO_HOME": str(tmp_path / "elsewhere")}).state()


def test_the_demo_key_of_the_last_start_is_that_of_peoples_commands(tmp_path: Path) -> None:
    (tmp_path / DEMO_KEY_FILE).write_text("gesso_demo_1\n")
    assert Place({"GESSO_HOME": str(tmp_path)}).api_key() == "gesso_demo_1"
    assert Place({"GESSO_HOME": str(tmp_path), "GESSO_API_KEY": "mine"}).api_key() == "mine"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[object, str]:
    with pytest.raises(SystemExit) as ended:
        main.main(words)
    return ended.value.code, capsys.readouterr().err


def test_a_wrong_argument_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert "12.50" in run(capsys, "credits", "grant", "acct_1", "--usd", "ten")[1]
    code, errors = run(capsys, "accounts", "set", "acct_1")
    changes = "--plan, --state, --limit, --subscription, --email, --safety"
    assert (code, errors) == (1, f"gesso: Nothing to change: give {changes}.\n")


@pytest.mark.parametrize(
    "words", [("--limit", "imagegen.minute"), ("--limit", "a=-1"), ("--safety", "violence=maybe"), ("--safety", "=off")]
)
def test_a_setting_in_another_form_is_refused_with_its_form(
    capsys: pytest.CaptureFixture[str], words: tuple[str, str]
) -> None:
    code, errors = run(capsys, "accounts", "set", "acct_1", *words)
    assert code == 1
    assert errors.startswith(f"gesso: {words[0]} takes ")


def test_a_picture_that_could_not_be_written_is_not_bought(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, errors = run(capsys, "generate", "A fox", "-o", str(tmp_path / "nowhere" / "fox.png"))
    assert code == 1
    assert "make the folder" in errors

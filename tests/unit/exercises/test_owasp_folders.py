"""What stands in an exercise's folder is whole: words for every row, objects that meet nobody else's."""

from importlib import import_module
from itertools import pairwise

import pytest

from exercises.catalogue import EXERCISES, OFF, Exercise, named
from exercises.objects import CLUSTER_NAME, IMAGES, at_stage, identity, rank
from exercises.progress import HINTS
from exercises.registry import ROWS
from exercises.shared.manifest_exercise import KINDS
from exercises.texts import ROOM, folder
from tests.rehearsal.owasp.case import Case
from tests.rehearsal.owasp.objects import manifests

MADE = [each for each in EXERCISES.values() if each.from_objects]
PLAYED = list(EXERCISES.values())
LABEL = "lab.myeks/exercise"


def names(values: list[Exercise]) -> list[str]:
    return [each.name for each in values]


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=list(EXERCISES))
def test_every_exercise_has_a_folder_and_words(exercise: Exercise):
    assert (folder(exercise.name) / "checks.py").exists()
    words = exercise.words
    assert all((words.title, words.about, words.setting))
    assert OFF not in exercise.stages


@pytest.mark.parametrize("exercise", PLAYED, ids=names(PLAYED))
def test_what_is_played_has_a_story_goals_hints_and_a_why(exercise: Exercise):
    words = exercise.words.play
    assert {exercise.play.start, exercise.play.solved} <= set(exercise.stages)
    assert set(words.goals) == {row.goal for row in ROWS if row.exercise == exercise.name} - {None}
    assert len(set(words.hints)) == HINTS
    assert "Begin in ./lab shell: " in words.story
    assert len(words.story.splitlines()) <= 12
    assert words.why


@pytest.mark.parametrize("exercise", MADE, ids=names(MADE))
def test_every_word_about_a_row_is_used(exercise: Exercise):
    prefix = len(exercise.name) + 1
    mine = [row.name[prefix:] for row in ROWS if row.exercise == exercise.name]
    short = {name.partition("-")[2] for name in mine if not name.partition("-")[2].startswith("gate-")}
    assert short == set(exercise.words.rows)


@pytest.mark.parametrize("exercise", MADE, ids=names(MADE))
def test_its_objects_are_its_own(exercise: Exercise):
    for stage in exercise.stages:
        objects = at_stage(exercise.name, stage, dict.fromkeys((*IMAGES, CLUSTER_NAME), "image"))
        assert objects
        seen: set[tuple[str, str, str]] = set()
        namespaces = {each["metadata"]["name"] for each in objects if each["kind"] == "Namespace"}
        for each in objects:
            kind, namespace, name = identity(each)
            assert kind in KINDS
            assert "${" not in str(each)
            assert (kind, namespace, name) not in seen
            seen.add((kind, namespace, name))
            if namespace:
                assert namespace in namespaces
            else:
                assert name.startswith(f"owasp-{exercise.name}")
            if kind == "Namespace":
                assert each["metadata"]["labels"][LABEL].split("-")[0] == exercise.name
        assert [rank(each) for each in objects] == sorted(rank(each) for each in objects)


def test_stages_differ():
    for exercise in MADE:
        at = [at_stage(exercise.name, stage) for stage in exercise.stages]
        assert all(one != two for one, two in pairwise(at)), exercise.name


def test_an_exercise_is_known_by_its_name_and_its_alias():
    every = [word for each in EXERCISES.values() for word in (each.name, each.alias) if word]
    assert len(every) == len(set(every))
    for exercise in EXERCISES.values():
        assert named(exercise.name) is exercise
        assert named(exercise.name.upper()) is exercise
        if exercise.alias:
            assert named(exercise.alias) is exercise
    assert named("") is None
    assert named("k99") is None


def test_every_folder_is_in_the_catalogue_and_has_what_it_needs():
    folders = {each.parent.name for each in ROOM.glob("*/text.en.yaml")} - {"shared"}
    assert folders == {folder(name).name for name in EXERCISES}
    for exercise in EXERCISES.values():
        own = folder(exercise.name)
        assert (own / "__init__.py").exists(), own
        assert (own / "objects").exists() is exercise.from_objects, own
        files = {each.stem for each in own.glob("objects/*.yaml")}
        if exercise.from_objects:
            assert files == {"common", *exercise.stages}, own


@pytest.mark.parametrize("exercise", PLAYED, ids=names(PLAYED))
def test_what_is_played_has_the_gates_of_all(exercise: Exercise):
    gates = [row.name for row in ROWS if row.exercise == exercise.name and "-gate-" in row.name and row.goal]
    assert len(gates) == 4


@pytest.mark.parametrize("exercise", MADE, ids=names(MADE))
def test_its_cases_are_enough_and_its_own(exercise: Exercise):
    """What learners do by hand, tried in `tests.rehearsal.test_owasp`."""
    table = import_module(f"tests.rehearsal.owasp.{exercise.name}")
    cases: tuple[Case, ...] = (*table.BROKEN, *table.REPAIRS)
    assert len(table.BROKEN) >= 3
    assert len(table.REPAIRS) >= 2
    assert all(case.hurts for case in table.BROKEN)
    assert not any(case.hurts for case in table.REPAIRS)
    assert len({case.name for case in cases}) == len(cases)
    for case in cases:
        for each in manifests(case.apply):
            namespace = identity(each)[1]
            assert namespace.startswith(f"owasp-{exercise.name}") or not namespace, (case.name, identity(each))

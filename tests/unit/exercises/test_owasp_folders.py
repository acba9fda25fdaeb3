"""What stands in an exercise's folder is whole: words for every row, objects that meet nobody else's."""

from itertools import pairwise

import pytest

from exercises.catalogue import EXERCISES, OFF, Exercise, named
from exercises.objects import CLUSTER_NAME, IMAGES, at_stage, identity, rank
from exercises.registry import ROWS
from exercises.shared.manifest_exercise import KINDS
from exercises.texts import HINTS, folder

MADE = [each for each in EXERCISES.values() if each.from_objects]
PLAYED = [each for each in EXERCISES.values() if each.play]
CLUSTER_SCOPED = {"Namespace", "ClusterRole", "ClusterRoleBinding"}
LABEL = "lab.myeks/exercise"


def names(values: list[Exercise]) -> list[str]:
    return [each.name for each in values]


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=list(EXERCISES))
def test_every_exercise_has_a_folder_and_words(exercise: Exercise):
    assert (folder(exercise.name) / "checks.py").exists()
    words = exercise.words
    assert all((words.title, words.about, words.setting))
    assert bool(words.play) is bool(exercise.play)
    assert OFF not in exercise.stages


@pytest.mark.parametrize("exercise", PLAYED, ids=names(PLAYED))
def test_what_is_played_has_a_story_goals_hints_and_a_why(exercise: Exercise):
    words = exercise.words.play
    assert words
    assert exercise.play
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

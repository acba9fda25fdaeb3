"""The page's addresses: what each shows, and what each button does.

What only shows something is asked by GET. What changes anything is asked by POST, and is a run of the command of that
name; what the command would ask for on a terminal is asked on a page first.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from cli.html import BASE_CSS
from cli.messages import told
from cli.page import access, audit_events, exercise_views, look, overview_views, request_way, timeline
from cli.page.look import EXPECTED, Consent, Reader
from cli.page.runs import Busy, Runs, ended
from cli.page.words import say
from exercises.catalogue import EXERCISES, Exercise
from exercises.texts import LANGUAGES, Language, texts
from operations.rbac.identities import NotASubject, parse_subject
from stacks.console import duration
from stacks.stack import REHEARSAL

HERE: Final = Path(__file__).parent
_STATIC: Final[Mapping[str, tuple[Path, str]]] = {
    "base.css": (BASE_CSS, "text/css"),
    "page.css": (HERE / "static" / "page.css", "text/css"),
    "page.js": (HERE / "static" / "page.js", "text/javascript"),
}
MOST_IN_A_FORM: Final = 4096
"""Bytes of a form's content: the largest that the page sends has a hundred."""

ASKS_FIRST: Final = frozenset({"play", "reset", "solution"})
"""Commands that ask before they take back what was done by hand."""

SEE_OTHER: Final = 303

_CONTENT: Final = '<main id="main">'
"""Where the content of a page begins."""


@dataclass
class Page:
    """What all addresses share."""

    stack: str
    reader: Reader
    runs: Runs
    templates: Environment
    language: Language = "en"
    """Of the one browser that is let in."""

    def show(self, template: str, title: str, status: int = 200, **values: Any) -> Response:
        """A page by its template. Everything in it that is not the template's own is escaped."""
        return HTMLResponse(self._text(template, title, values), status)

    def show_late(self, template: str, title: str, reading: Awaitable[Mapping[str, Any]], **values: Any) -> Response:
        """A page whose head is there at once, and whose content when the lab has answered."""

        async def parts() -> AsyncIterator[str]:
            head = self._text("base.html", title, values).partition(_CONTENT)[0] + _CONTENT
            yield head
            yield self._text(template, title, {**values, **await reading}).partition(_CONTENT)[2]

        return StreamingResponse(parts(), media_type="text/html")

    def _text(self, template: str, title: str, values: Mapping[str, Any]) -> str:
        latest = self.runs.latest
        common = {
            "language": self.language,
            "_": partial(say, language=self.language),
            "in_words": partial(told, language=self.language),
            "address": "/",
            "duration": duration,
            "stack": self.stack,
            "is_rehearsal": self.stack == REHEARSAL,
            "latest": latest,
            "ended": ended(latest) if latest else "",
            "busy": self.runs.current is not None,
        }
        return self.templates.get_template(template).render({**common, "title": title, **values})

    async def overview(self, request: Request) -> Response:
        """The lab as a picture."""
        del request

        async def read() -> Mapping[str, Any]:
            seen = await self.reader.ask(look.overview)
            return {"seen": seen, "view": overview_views.view(seen)}

        return self.show_late("overview.html", "Overview", read(), here="overview")

    async def catalogue(self, request: Request) -> Response:
        """Every exercise."""
        del request

        async def read() -> Mapping[str, Any]:
            standing = await self.reader.ask(look.standing)
            return {"standing": standing, "lines": exercise_views.catalogue(standing, datetime.now(UTC), self.language)}

        return self.show_late("exercises.html", "Exercises", read(), here="exercises", address="/exercises")

    async def exercise(self, request: Request) -> Response:
        """One exercise."""
        exercise = _exercise(request)

        async def read() -> Mapping[str, Any]:
            standing = await self.reader.ask(look.standing)
            shown = exercise_views.shown(exercise, standing, self.runs.last, datetime.now(UTC), self.language)
            return {"standing": standing, "shown": shown}

        return self.show_late(
            "exercise.html", self._title(exercise), read(), here="exercises", address=f"/exercises/{exercise.name}"
        )

    async def access(self, request: Request) -> Response:
        """Who may do what: subjects by resources."""
        asked = request.query_params
        filters = access.Filters(
            asked.get("subject", ""), asked.get("scope", ""), asked.get("resource", ""), own="own" in asked
        )

        async def read() -> Mapping[str, Any]:
            found = await self.reader.ask(access.read)
            table = await asyncio.to_thread(access.table, found, filters)
            return {"found": found, "table": table, "paths": access.paths(found)}

        shared = {"filters": filters, "letters": access.LETTERS, "address": "/access"}
        return self.show_late("access.html", "Who may do what", read(), here="access", **shared)

    async def subject(self, request: Request) -> Response:
        """What one subject may do, and why."""
        try:
            subject = parse_subject(request.query_params.get("who", ""))
        except NotASubject as error:
            problem = look.Problem(str(error))
            return self.show("problem.html", "Who may do what", 404, here="access", problem=problem, back="/access")

        async def read() -> Mapping[str, Any]:
            found = await self.reader.ask(access.read)
            identity = access.identity_of(found, subject)
            rights = await asyncio.to_thread(access.rights, found, identity)
            return {"found": found, "identity": identity, "rights": rights, "paths": access.paths(found, identity)}

        who = access.key(subject)
        return self.show_late(
            "subject.html", who, read(), here="access", address="/access", who=who, letters=access.LETTERS
        )

    async def happened(self, request: Request) -> Response:
        """What happened: the audit log as a timeline."""
        asked = request.query_params
        minutes = next((each for each in timeline.MINUTES if str(each) == asked.get("minutes")), timeline.MINUTES[0])
        filters = timeline.Filters(
            asked.get("exercise", ""), asked.get("subject", ""), asked.get("verdict", ""), "own" in asked, minutes
        )

        async def read() -> Mapping[str, Any]:
            found = await self.reader.ask(timeline.read, filters.minutes, own=filters.own)
            marked = timeline.marks(self.runs.last)
            return {"found": found, "told": await asyncio.to_thread(timeline.timeline, found, filters, marked)}

        shared = {"filters": filters, "exercises": EXERCISES, "choices": timeline, "address": "/happened"}
        return self.show_late("happened.html", "What happened", read(), here="happened", **shared)

    async def request_way(self, request: Request) -> Response:
        """One request's way through the API server."""
        asked, received = request.query_params.get("id", ""), request.query_params.get("at", "")
        if not audit_events.is_id(asked):
            problem = look.Problem("This is no Audit-ID. Choose a request of the timeline.")
            return self.show("problem.html", "What happened", 404, here="happened", problem=problem, back="/happened")

        async def read() -> Mapping[str, Any]:
            return {"found": await self.reader.ask(request_way.read, asked, received)}

        return self.show_late("request.html", "A request's way", read(), here="happened", address="/happened")

    async def act(self, request: Request) -> Response:
        """A button of an exercise: run its command, or ask first."""
        exercise, action = _exercise(request), request.path_params["action"]
        if action not in exercise_views.ACTIONS:
            raise HTTPException(404)
        back = f"/exercises/{exercise.name}"
        agreed = (await _form(request)).get("agreed", "")
        try:
            if at_work := self.runs.current:
                raise Busy(at_work.title)
            options = ["--json", "--lang", self.language, *([] if self.stack == REHEARSAL else ["-s", self.stack])]
            if action in ASKS_FIRST:
                consent = await self.reader.ask(look.consent, action, exercise.name)
                if consent.asks and agreed != _seal(action, exercise, consent):
                    return self._confirm(action, exercise, consent, changed=bool(agreed))
                options.append("--yes")
            self.runs.begin(action, exercise.name, *options)
        except Busy as busy:
            return self.show("busy.html", "One at a time", 409, here="exercises", at_work=str(busy), back=back)
        except EXPECTED as error:
            return self.show(
                "problem.html", "It could not be done", 503, here="exercises", problem=look.problem_of(error), back=back
            )
        return RedirectResponse(back, SEE_OTHER)

    async def speak(self, request: Request) -> Response:
        """Choose the language."""
        asked = await _form(request)
        for language in LANGUAGES:
            if asked.get("to") == language:
                self.language = language
        back = asked.get("back", "")
        return RedirectResponse(back if back in self._addresses() else "/", SEE_OTHER)

    def _addresses(self) -> set[str]:
        return {"/", "/exercises", "/access", "/happened", *(f"/exercises/{name}" for name in EXERCISES)}

    def _title(self, exercise: Exercise) -> str:
        return texts(exercise.name, self.language).title

    def _confirm(self, action: str, exercise: Exercise, consent: Consent, *, changed: bool) -> Response:
        return self.show(
            "confirm.html",
            f"{action} {exercise.name}",
            here="exercises",
            action=action,
            exercise=exercise,
            heading=self._title(exercise),
            consent=consent,
            changed=changed,
            seal=_seal(action, exercise, consent),
        )

    async def events(self, request: Request) -> Response:
        """What the commands say, as they say it."""
        del request

        async def stream() -> AsyncIterator[str]:
            # A proxy or a browser shows nothing before the first bytes.
            yield ": here\n\n"
            async for name, content in self.runs.events():
                # A line is the command's own.
                said = {} if name == "line" else {"text": told(content["text"], self.language)}
                yield f"event: {name}\ndata: {json.dumps({**content, **said})}\n\n"

        return StreamingResponse(stream(), media_type="text/event-stream")

    async def static(self, request: Request) -> Response:
        """A style or the script."""
        found = _STATIC.get(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        path, kind = found
        return Response(path.read_bytes(), media_type=kind)

    async def none(self, request: Request, error: Exception) -> Response:
        """There is no such page."""
        del request, error
        return self.show("none.html", "There is no such page", 404, here="")


def make(stack: str, reader: Reader, runs: Runs, language: Language = "en") -> Starlette:
    """The application, without its guard; it speaks this language until another one is chosen."""
    page = Page(stack, reader, runs, _templates(), language)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        yield
        reader.end()

    return Starlette(
        routes=[
            Route("/", page.overview),
            Route("/exercises", page.catalogue),
            Route("/exercises/{name}", page.exercise),
            Route("/exercises/{name}/{action}", page.act, methods=["POST"]),
            Route("/access", page.access),
            Route("/access/subject", page.subject),
            Route("/happened", page.happened),
            Route("/happened/request", page.request_way),
            Route("/language", page.speak, methods=["POST"]),
            Route("/events", page.events),
            Route("/static/{name}", page.static),
        ],
        exception_handlers={404: page.none},
        lifespan=lifespan,
    )


@cache
def _templates() -> Environment:
    """Every value that a template writes is escaped, and one that is not there is a mistake."""
    return Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


def _exercise(request: Request) -> Exercise:
    found = EXERCISES.get(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    return found


def _seal(action: str, exercise: Exercise, consent: Consent) -> str:
    """Stands for what the user was shown: who agrees, agrees to that alone."""
    shown = [action, exercise.name, consent.stage, *consent.taken_back]
    return hashlib.sha256("\0".join(shown).encode()).hexdigest()


async def _form(request: Request) -> dict[str, str]:
    content = b""
    async for each in request.stream():
        content += each
        if len(content) > MOST_IN_A_FORM:
            raise HTTPException(413)
    return {name: values[0] for name, values in parse_qs(content.decode("latin-1")).items()}

"""The engine's processes: lazy, reused, limited, replaced when they die, gone when idle."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import uvloop

from generator.engines.art.install import install
from generator.engines.art.library import ArtLibrary, ArtMissing, library_path
from generator.engines.child import ChildLimits, ChildPool, EngineDied, EngineTimedOut, Message
from generator.engines.sketch import Sketch, SketchConfig, SketchRefused, SketchRequest
from testkit.eventually import eventually

SMALL = SketchRequest("a cat", width=64, height=64)


async def test_no_process_runs_before_the_first_request_and_one_is_reused(art: ArtLibrary) -> None:
    async with Sketch(SketchConfig(workers=2)) as sketch:
        assert sketch.process_ids == ()
        await sketch.draw(SMALL)
        first = sketch.process_ids
        await sketch.draw(SMALL)
        assert sketch.process_ids == first
        assert len(first) == 1


async def test_a_killed_child_is_replaced_without_the_caller_noticing(art: ArtLibrary) -> None:
    async with Sketch(SketchConfig(workers=1)) as sketch:
        before = await sketch.draw(SMALL)
        (victim,) = sketch.process_ids
        os.kill(victim, signal.SIGKILL)
        after = await sketch.draw(SMALL)
        assert after.data == before.data
        assert victim not in sketch.process_ids


def test_a_child_whose_death_was_noticed_is_replaced_by_the_loop_of_the_services(art: ArtLibrary) -> None:
    async def draw_before_and_after() -> None:
        async with Sketch(SketchConfig(workers=1)) as sketch:
            await sketch.draw(SMALL)
            (victim,) = sketch.process_ids
            os.kill(victim, signal.SIGKILL)
            await eventually(lambda: not Path(f"/proc/{victim}").exists())
            assert (await sketch.draw(SMALL)).data

    uvloop.run(draw_before_and_after())


async def test_concurrent_requests_share_the_workers(art: ArtLibrary) -> None:
    async with Sketch(SketchConfig(workers=2)) as sketch:
        requests = [SketchRequest("a boat", width=64, height=64, seed=seed) for seed in range(8)]
        pictures = await asyncio.gather(*(sketch.draw(request) for request in requests))
        assert len({picture.data for picture in pictures}) == 8
        assert len(sketch.process_ids) == 2


async def test_an_idle_child_ends(art: ArtLibrary) -> None:
    async with Sketch(SketchConfig(workers=1, limits=ChildLimits(idle_seconds=0.05))) as sketch:
        await sketch.draw(SMALL)
        async with asyncio.timeout(10):
            while sketch.process_ids:  # noqa: ASYNC110  there is no event to wait for: that nothing happens is the point
                await asyncio.sleep(0.01)
        assert (await sketch.draw(SMALL)).data


async def test_leaving_the_context_ends_every_child(art: ArtLibrary) -> None:
    async with Sketch(SketchConfig(workers=1)) as sketch:
        await sketch.draw(SMALL)
        (child,) = sketch.process_ids
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


async def test_a_request_past_its_deadline_is_stopped_and_the_next_one_served(art: ArtLibrary) -> None:
    limits = ChildLimits(deadline_seconds=0.001)
    async with ChildPool("generator.engines.sketch.child", workers=1, limits=limits) as pool:
        with pytest.raises(EngineTimedOut):
            await pool.call(Message({}))
        with pytest.raises(EngineTimedOut):
            await pool.call(Message({}))


async def test_a_module_that_cannot_serve_is_reported_as_dead() -> None:
    async with ChildPool("this", workers=1) as pool:
        with pytest.raises(EngineDied):
            await pool.call(Message({}))


async def test_a_cancelled_caller_leaves_no_half_answer_behind(art: ArtLibrary) -> None:
    async with Sketch(SketchConfig(workers=1)) as sketch:
        await sketch.draw(SMALL)
        task = asyncio.create_task(sketch.draw(SketchRequest("a city", width=512, height=512)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await sketch.draw(SMALL)).width == 64


async def test_missing_art_is_refused_with_the_command_that_installs_it(tmp_path: Path) -> None:
    async with Sketch(SketchConfig(workers=1, art_folder=tmp_path)) as sketch:
        with pytest.raises(SketchRefused, match=r"generator\.engines\.art install") as refused:
            await sketch.draw(SMALL)
        assert refused.value.reason == "ART_MISSING"
        with pytest.raises(SketchRefused):
            sketch.check_art()


def test_the_parent_half_imports_nothing_heavy() -> None:
    code = "import generator.engines.sketch, sys; print([m for m in ('numpy', 'pyvips', 'emoji') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_damaged_art_file_counts_as_missing(tmp_path: Path) -> None:
    path = library_path(tmp_path)
    path.write_bytes(b"something else entirely")
    with pytest.raises(ArtMissing):
        ArtLibrary.open(path)


def test_installing_what_is_there_fetches_nothing(art: ArtLibrary) -> None:
    said: list[str] = []
    folder = Path(os.environ.get("GESSO_ART_DIR") or Path(sys.prefix) / "share" / "gesso" / "art")
    assert install(folder, said.append).already_there
    assert said == []
    assert (folder / "licences" / "noto-LICENSE.txt").exists()

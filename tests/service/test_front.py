"""The queue: who comes in, who is painted with whom, who gives up."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from service_client import Service, picture

from impasto.inference.settings import StylizeConfig
from impasto.service.front import Front
from impasto.service.job import Job, Outcome
from impasto.service.settings import ServeConfig
from impasto.service.shared import Shared

PNG = {"content-type": "image/png"}


class SlowWorker:
    """A worker that is done when it is told so; remembers what it got."""

    def __init__(self) -> None:
        self.batches: list[list[Job]] = []
        self.go = asyncio.Event()

    async def __call__(self, jobs: Any) -> list[Outcome]:
        self.batches.append(jobs)
        await self.go.wait()
        return [Outcome(body=b"painted", size=job.size) for job in jobs]


def job(serial: int, size: tuple[int, int] = (8, 8), **settings: Any) -> Job:
    config = StylizeConfig(**settings)
    return Job(serial=serial, content=b"x", size=size, config=config, format="png")


def front_of(worker: Callable[[Any], Awaitable[Any]], **settings: Any) -> Front:
    config = ServeConfig(**settings)
    return Front(config, worker, Shared(config.workers))


def test_equal_sizes_are_painted_together_and_others_apart():
    async def run() -> list[list[int]]:
        worker = SlowWorker()
        front = front_of(worker, max_batch=3)
        sizes = [(8, 8), (8, 8), (9, 8), (8, 8), (9, 8), (8, 8), (8, 8), (8, 8)]
        tasks = [asyncio.ensure_future(front.paint(job(i, s))) for i, s in enumerate(sizes, 1)]
        await asyncio.sleep(0)
        worker.go.set()
        await asyncio.gather(*tasks)
        return [[j.serial for j in batch] for batch in worker.batches]

    # Two are sent at once: one to paint, and one so that the worker need not wait for the next.
    assert asyncio.run(run()) == [[1], [2], [3, 5], [4, 6, 7], [8]]


def test_only_jobs_whose_strength_and_shares_agree_are_painted_together():
    same = [job(1), job(2, keep_color="luma"), job(3, style_scale=2.0)]
    assert len({j.kin for j in same}) == 1
    others = [job(4, alpha=0.5), job(5, seed=1), job(6, style_weights=(1.0,)), job(7, alpha=0.0)]
    assert len({j.kin for j in [*same, *others]}) == 5


def test_every_job_gets_its_own_outcome():
    async def worker(jobs: list[Job]) -> list[Outcome]:
        return [Outcome(body=str(j.serial).encode(), size=j.size) for j in jobs]

    async def run() -> list[bytes]:
        front = front_of(worker)
        found = await asyncio.gather(*(front.paint(job(i)) for i in range(1, 30)))
        return [outcome.body for outcome in found]

    assert asyncio.run(run()) == [str(i).encode() for i in range(1, 30)]


def test_a_full_queue_answers_503_with_retry_after_and_takes_the_next_when_there_is_room(service):
    async def run() -> None:
        worker = SlowWorker()
        made: Service = service(worker=worker, max_queue=3)
        tasks = [
            asyncio.ensure_future(
                made.ask("/v1/stylize", method="POST", headers=PNG, body=picture())
            )
            for _ in range(3)
        ]
        await asyncio.sleep(0.2)
        refused = await made.ask("/v1/stylize", method="POST", headers=PNG, body=picture())
        assert refused.status == 503
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert "3 pictures are waiting or being painted" in refused.error["message"]
        worker.go.set()
        assert [answer.status for answer in await asyncio.gather(*tasks)] == [200] * 3
        assert made.front.here == made.front.held == 0
        again = await made.ask("/v1/stylize", method="POST", headers=PNG, body=picture())
        assert again.status == 200

    asyncio.run(run())


def test_requests_together_may_not_fill_the_memory(service):
    made: Service = service(max_waiting="1K")
    refused = made.post(headers=PNG, body=picture((40, 40)))
    assert refused.status == 503
    assert "fill the memory" in refused.error["message"]
    assert "retry-after" in refused.headers
    assert made.front.held == 0
    assert made.post(headers=PNG, body=picture((4, 4))).status == 200


def test_what_takes_too_long_answers_503_and_is_given_up(service):
    async def run() -> None:
        worker = SlowWorker()
        made: Service = service(worker=worker, timeout=0.05)
        late = await made.ask("/v1/stylize", method="POST", headers=PNG, body=picture())
        assert late.status == 503
        assert "not ready after 0.05 seconds" in late.error["message"]
        assert "retry-after" in late.headers
        assert made.shared.is_abandoned(worker.batches[0][0].serial)

    asyncio.run(run())


def test_a_job_whose_client_leaves_is_not_painted(service):
    async def run() -> None:
        worker = SlowWorker()
        made: Service = service(worker=worker, max_batch=1)
        asked = [
            asyncio.ensure_future(
                made.ask(
                    "/v1/stylize", method="POST", headers=PNG, body=picture(seed=i),
                    leave_after=0.1 if i == 2 else None,
                )
            )
            for i in range(3)
        ]  # fmt: skip
        await asyncio.sleep(0.3)
        assert asked[2].done()
        assert asked[2].result().status == 0, "nobody is there to be answered"
        assert made.front.here == 2
        worker.go.set()
        await asyncio.gather(*asked)
        contents = [j.content for batch in worker.batches for j in batch]
        assert sorted(contents) == sorted(picture(seed=i) for i in (0, 1))
        assert made.shared.is_abandoned(3) or made.front.metrics.abandoned._value.get() == 1

    asyncio.run(run())


def test_jobs_of_a_worker_that_died_are_answered_soon():
    async def run() -> Outcome:
        worker = SlowWorker()
        front = front_of(worker, timeout=20.0)
        task = asyncio.ensure_future(front.paint(job(7)))
        await asyncio.sleep(0.05)
        front.shared.begin(0, 7)
        front.shared.bury(0)
        outcome = await asyncio.wait_for(task, 2)
        assert front.running == 0
        return outcome

    outcome = asyncio.run(run())
    assert outcome.status == 503
    assert "the worker died" in outcome.message


def test_an_error_that_no_client_can_cause_is_a_500_and_the_service_lives_on(service):
    from fastapi import HTTPException

    broken = True

    async def worker(jobs: Any) -> Any:
        if broken:
            raise HTTPException(500)
        return [Outcome(body=b"painted", size=j.size) for j in jobs]

    made: Service = service(worker=worker)
    answer = made.post(headers=PNG, body=picture())
    assert answer.status == 500
    assert "this should not happen" in answer.error["message"]
    broken = False
    assert made.post(headers=PNG, body=picture()).status == 200


def test_draining_finishes_what_is_here_and_turns_newcomers_away(service):
    async def run() -> None:
        worker = SlowWorker()
        made: Service = service(worker=worker)
        running = asyncio.ensure_future(
            made.ask("/v1/stylize", method="POST", headers=PNG, body=picture())
        )
        await asyncio.sleep(0.1)
        closing = asyncio.ensure_future(made.front.close())
        await asyncio.sleep(0.05)
        assert (await made.ask("/ping")).status == 503
        late = await made.ask("/v1/stylize", method="POST", headers=PNG, body=picture())
        assert late.status == 503
        assert "being stopped" in late.error["message"]
        assert not closing.done()
        worker.go.set()
        assert (await running).status == 200
        await asyncio.wait_for(closing, 1)

    asyncio.run(run())


def test_draining_does_not_wait_for_ever():
    async def run() -> float:
        front = front_of(SlowWorker(), drain=0.1)
        start = asyncio.get_running_loop().time()
        with front.admit():
            await front.close()
        return asyncio.get_running_loop().time() - start

    assert 0.1 <= asyncio.run(run()) < 1


def test_who_sends_slowly_takes_no_place_in_the_queue(service):
    async def run() -> None:
        made: Service = service(max_queue=1)
        slow = [
            asyncio.ensure_future(
                made.ask("/v1/stylize", method="POST", headers=PNG, body=None, leave_after=0.3)
            )
            for _ in range(3)
        ]
        await asyncio.sleep(0.05)
        good = await made.ask("/v1/stylize", method="POST", headers=PNG, body=picture())
        assert good.status == 200
        with made.front.admit():
            refused = await made.ask("/v1/stylize", method="POST", headers=PNG, body=picture())
        assert refused.status == 503
        assert "4 requests are being sent" in refused.error["message"]
        await asyncio.gather(*slow)

    asyncio.run(run())


def test_the_time_to_come_again_grows_with_the_queue():
    async def run() -> list[int]:
        front = front_of(SlowWorker(), max_queue=1000)
        waits = []
        for count in (0, 40, 500):
            tasks = [asyncio.ensure_future(front.paint(job(i + 1))) for i in range(count)]
            await asyncio.sleep(0)
            waits.append(int(front.busy("it is full").headers["retry-after"]))
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return waits

    none, some, many = asyncio.run(run())
    assert 1 == none < some < many == 60

"""Carries out one plan: two loaders, stopped at each named point and let go in the seed's order, and a reader."""

import select
from collections import Counter
from random import Random
from typing import Final

from pymysql.constants import ER

from serving.control import PartitionKey
from tests.faults.loading import points
from tests.faults.loading.judge import LOST, Finding, Judge
from tests.faults.loading.loaders import STUCK_SECONDS, Answered, Died, Failure, News, Stop
from tests.faults.loading.messages import MAX_RECEIVES, Message, Messages, sqs_event
from tests.faults.loading.plan import LoaderFault, Plan, loader_faults
from tests.faults.loading.reader import Reader
from tests.faults.loading.workers import Surroundings, Work, Worker

_LOCK_ERRORS: Final = frozenset({ER.LOCK_WAIT_TIMEOUT, ER.LOCK_DEADLOCK})
_SHORT_SECONDS: Final = 1.0  # a loader that is silent for longer, while the other stands, waits for a lock of it


class Schedule:
    """One run of one plan; `findings` and `fired` are complete when `run` has returned."""

    def __init__(
        self, plan: Plan, judge: Judge, reader: Reader, workers: list[Worker], surroundings: Surroundings
    ) -> None:
        """Prepare to carry out a plan whose unloads are written."""
        self._plan, self._judge, self._reader = plan, judge, reader
        self._workers, self._around = workers, surroundings
        self._rng = Random(f"{plan.seed} steps")
        self._faults = loader_faults(plan.seed)
        self._armed: list[LoaderFault] = []  # each happens to the first loader that comes to its point
        self._messages = Messages(plan.arrivals, self._rng)
        self._locks: dict[str, Worker] = {}
        self._seen: dict[PartitionKey, int] = {}
        self._delivered: Counter[PartitionKey] = Counter()
        self.findings: list[Finding] = []
        self.fired: Counter[str] = Counter()
        self.steps: list[str] = []
        self.deliveries = 0

    def run(self) -> None:
        """Deliver everything, and read all the while."""
        while self._give_work():
            if self._plan.is_free:
                self._let_run()
            else:
                self._take_step()
        self.findings.extend(
            Finding(LOST, f"unload {message.arrival.unload} was never answered") for message in self._messages.lost
        )

    def _give_work(self) -> bool:
        """Hand messages to idle loaders; return whether any is at work."""
        for worker in self._workers:
            is_alone = all(other.work is None for other in self._workers)
            if worker.work is None and (is_alone or self._rng.random() < 0.6):
                self._begin(worker)
        return any(worker.work for worker in self._workers)

    def _begin(self, worker: Worker) -> None:
        messages = self._messages.receive()
        if not messages:
            return
        self._arm()
        self.deliveries += len(messages)
        self._count_arrivals(messages)
        self._excuse({message.arrival.unload for message in messages if message.arrival.mended})
        worker.work = Work(messages)
        worker.loader.begin(sqs_event([self._around.announce(message) for message in messages]), self._settings)
        if not self._plan.is_free:
            self._hear(worker)

    @property
    def _settings(self) -> dict[str, str]:
        """Two sessions at once where loaders run freely: standing at points, one would keep the other from its own."""
        return {"SESSION_ROWS": "1" if self._plan.is_free else "1000000"}

    def _arm(self) -> None:
        if self._messages.is_redriven:  # then nothing goes wrong any more
            self._armed.clear()
        elif self._plan.has_faults and (fault := next(self._faults)):
            self._armed.append(fault)

    def _excuse(self, mended: set[int]) -> None:
        """Let loaders fail whose objects are changed while they read them: then they have to begin anew."""
        for work in filter(None, (worker.work for worker in self._workers)):
            work.may_fail |= any(message.arrival.unload in mended for message in work.messages)

    def _count_arrivals(self, messages: list[Message]) -> None:
        self.fired.update(message.arrival.how for message in messages if message.received == 1)
        self.fired["delivered_again"] += sum(message.received > 1 for message in messages)
        self.fired["redriven"] += sum(message.received == MAX_RECEIVES + 1 for message in messages)
        self.fired["two_in_a_batch"] += len(messages) > 1
        self.fired["two_at_once"] += any(worker.work for worker in self._workers)
        self.fired["reordered"] += sum(self._is_overtaken(message) for message in messages)

    def _is_overtaken(self, message: Message) -> bool:
        """Tell whether a newer generation than one of this message's was delivered before it."""
        generations = self._plan.unloads[message.arrival.unload].generations
        is_overtaken = any(self._delivered[key] > generation for key, generation in generations.items())
        self._delivered |= Counter(generations)
        return is_overtaken

    def _take_step(self) -> None:
        standing = [worker for worker in self._workers if worker.stop]
        if standing:
            self._leave_point(self._rng.choice(standing))
        else:
            self._hear(next(worker for worker in self._workers if worker.is_waiting))

    def _let_run(self) -> None:
        busy = {worker.loader: worker for worker in self._workers if worker.work}
        for loader in select.select(list(busy), [], [])[0]:
            self._take(busy[loader], loader.expect_news())
        for worker in busy.values():
            if worker.stop:
                self._leave_point(worker)

    def _leave_point(self, worker: Worker) -> None:
        stop, work = worker.stop, worker.work
        if stop is None or work is None:
            return
        work.hits[stop.point] += 1
        self.steps.append(f"{self._workers.index(worker)} {stop.point}")
        self._look(always=stop.point == "after_commit")
        if fault := self._fault_at(stop, work):
            self._strike(worker, stop, fault)
        else:
            self._go_on(worker, stop)

    def _fault_at(self, stop: Stop, work: Work) -> LoaderFault | None:
        if stop.point == "before_verify" and any(message.is_deadly for message in work.messages):
            return LoaderFault("killed", stop.point, 1)
        here = (stop.point, work.hits[stop.point])
        fault = next((fault for fault in self._armed if (fault.point, fault.nth) == here), None)
        if fault:
            self._armed.remove(fault)
        return fault

    def _go_on(self, worker: Worker, stop: Stop) -> None:
        worker.stop = None
        worker.loader.go_on()
        if self._plan.is_free:
            return
        if stop.lock and self._locks.setdefault(stop.lock, worker) is not worker:
            worker.is_waiting, worker.waits_for = True, stop.lock
            self.fired["waited_for_a_lock"] += 1
            return
        self._hear(worker)

    def _hear(self, worker: Worker) -> None:
        """Wait for a loader's news; while the other stands, one that has none waits for a lock of the other."""
        worker.is_waiting = True
        while worker.is_waiting:
            waiting = {other.loader: other for other in self._workers if other.is_waiting}
            has_standing = any(other.stop for other in self._workers)
            ready = select.select(list(waiting), [], [], _SHORT_SECONDS if has_standing else STUCK_SECONDS)[0]
            if not ready and has_standing:
                return
            self._take_waiting(waiting[(ready or [worker.loader])[0]])

    def _take_waiting(self, worker: Worker) -> None:
        if worker.waits_for:
            self._locks[worker.waits_for] = worker
        worker.is_waiting, worker.waits_for = False, None
        self._take(worker, worker.loader.expect_news())

    def _take(self, worker: Worker, news: News) -> None:
        if isinstance(news, Stop):
            worker.stop = news
            if news.point in points.ENDS_TRANSACTION:
                self._release(worker)
        elif isinstance(news, Answered):
            self._finish(worker, news)
        elif isinstance(news, Died):
            self._replace(worker)

    def _finish(self, worker: Worker, answer: Answered) -> None:
        work, worker.work = worker.work, None
        for place, message in enumerate(work.messages if work else ()):
            if error := answer.failed.get(str(place)):
                self._messages.give_back(message)
                self._judge_failure(f"unload {message.arrival.unload}", error, may_fail=bool(work and work.may_fail))
        self._release(worker)

    def _judge_failure(self, unload: str, error: Failure, *, may_fail: bool) -> None:
        """Nothing fails but for a reason, and for one that passes.

        Sessions that run freely may come to a deadlock of their own, as when several wait for the row that one which
        is killed has just inserted: the server ends one of them.
        """
        is_deadlock = self._plan.is_free and error.mysql_number in _LOCK_ERRORS
        self.fired["deadlocked"] += is_deadlock
        if not error.is_transient or not (may_fail or is_deadlock):
            self.findings.append(Finding(LOST, f"{unload} was given back for no reason: {error.told}"))

    def _release(self, worker: Worker) -> None:
        """Forget the locks a loader held, and hear from whoever waited for one."""
        for lock in [lock for lock, holder in self._locks.items() if holder is worker]:
            del self._locks[lock]
        for other in self._workers:
            if other.is_waiting and other is not worker and other.waits_for not in self._locks:
                self._hear(other)

    def _strike(self, worker: Worker, stop: Stop, fault: LoaderFault) -> None:
        if fault.kind == "session_killed":
            self._kill_session(worker, stop)
        elif fault.kind == "killed":
            self.fired[f"killed_{stop.point}"] += 1
            worker.loader.die()
            self._bury(worker)
        else:
            self.fired["killed_running"] += 1
            worker.loader.go_on()
            select.select([worker.loader], [], [], self._rng.uniform(0, 0.003))
            worker.loader.kill()
            self._bury(worker)

    def _kill_session(self, worker: Worker, stop: Stop) -> None:
        if stop.session is not None and worker.work:
            self.fired["session_killed"] += 1
            worker.work.may_fail = True
            self._around.kill_session(stop.session)
            self._release(worker)
            stop = Stop(stop.point, lock=None, session=None)  # it will lock nothing any more
        self._go_on(worker, stop)

    def _bury(self, worker: Worker) -> None:
        worker.loader.expect_death()
        self._replace(worker)

    def _replace(self, worker: Worker) -> None:
        """Put a new loader in the place of a dead one, whose messages become visible again."""
        work = worker.work
        worker.loader.close()
        worker.work, worker.stop, worker.is_waiting, worker.waits_for = None, None, False, None
        worker.loader = self._around.new_loader()
        for message in work.messages if work else ():
            self._messages.give_back(message)
        self._release(worker)

    def _look(self, *, always: bool) -> None:
        if always or self._rng.random() < 0.04:
            self.findings.extend(self._judge.of_snapshot(self._reader.look(), self._seen))

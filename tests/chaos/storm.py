"""What is done to a load while it runs: when loaders die or stand still, when the emulator goes down, when staging is held.

Places are counted in the loader's own events, drawn from a seed, so that they fall alike on fast and on slow machines.
"""

import collections
import random
import threading
import time

from world import Failure, Loader, hold_staging

# Loader events of an undisturbed load, per row; disturbed ones have more.
EVENTS_PER_ROW = {1: 0.8, 2: 0.4}
# A loader that has said nothing for so many seconds hangs. One waits without a word while another is at a later pass of a table.
SILENCE = 600
WRITES = ["CreateMultiple", "UpdateMultiple", "update", "associate", "disassociate", "delete", "WinOpportunity", "LoseOpportunity", "CloseIncident"]
# All that go wrong on the way, with how often; ms are filled in.
SHARES = [
    ("lose_answer", 0.03), ("cut_answer", 0.03), ("commit_late", 0.03), ("reset_before", 0.03), ("reset_during", 0.03),
    ("throttle", 0.02), ("deadlock", 0.04), ("sql_timeout", 0.02), ("unavailable", 0.02), ("token_expired", 0.02), ("slow", 0.03),
]


def fault_plan(seed, life, late_ms, kills_itself, fierce):
    """The faults of one life of the emulator; fewer of them where it is to be over soon."""
    rng = random.Random(f"{seed} {life}")
    rules = []
    if kills_itself:
        kind = rng.choice(["kill", "kill_after_commit"])
        rules.append({"kind": kind, "method": "POST", "after": rng.randint(10, 60), "count": 1})
    # Every kind of write loses answers, however few of its requests there are.
    # In a short run, that is the first request of its kind: there may be no third one.
    rules += [{"kind": "lose_answer", "write": write, **({"after": rng.randint(0, 1), "every": 6 if write == "CreateMultiple" else 3}
               if fierce else {"count": 1})} for write in WRITES]
    for kind, share in SHARES:
        rule = {"kind": kind, "method": "POST", "probability": share if fierce else share / 3}
        if kind == "commit_late":
            # One is still waited for, the other was given up before it commits.
            rules.append({**rule, "ms": late_ms // 4})
            rule["ms"] = late_ms
        if kind == "slow":
            rule["ms"] = rng.randint(50, 400)
        if kind == "throttle":
            rule |= {"burst": rng.randint(1, 4) if fierce else 1, "code": rng.choice(["0x80072322", "0x80072321", "0x80072326"])}
        rules.append(rule)
    rules += [{"kind": "reset_before", "method": "GET", "probability": 0.01}, {"kind": "query_throttle", "method": "GET", "probability": 0.01},
              {"kind": "cut_answer", "method": "GET", "probability": 0.01}]
    return {"seed": rng.getrandbits(60), "rules": rules}


class Storm:
    """One load under everything at once."""

    def __init__(self, emulator, command, staging, times, rows, number, asked, seed, log_of):
        self.emulator, self.command, self.staging, self.times, self.log_of = emulator, command, staging, times, log_of
        self.asked, self.seed = asked, f"{seed} {number}"
        self.events = rows * EVENTS_PER_ROW[number]
        self.mutex = threading.Lock()
        self.left = {"kills": asked["kills"], "stops": asked["stops"]}
        self.done = collections.Counter()
        # Where loaders were when they were killed: (what, pass).
        self.places = collections.Counter()
        self.heard = 0
        self.problem = None
        self.ended = threading.Event()
        rng = random.Random(f"{self.seed} deeds")
        deeds = [("restarts", rng.uniform(0.05, 0.7)) for _ in range(asked["restarts"])] + \
                [("locks", rng.uniform(0.05, 0.7)) for _ in range(asked["locks"])]
        self.deeds = collections.deque(sorted(((share * self.events, deed) for deed, share in deeds)))
        self.rng = rng
        self.wake = threading.Condition(self.mutex)

    def run(self):
        workers = [threading.Thread(target=self.guarded, args=(self.work, number)) for number in range(self.asked["workers"])]
        saboteur = threading.Thread(target=self.guarded, args=(self.sabotage,))
        for thread in [*workers, saboteur]:
            thread.start()
        for thread in workers:
            thread.join()
        self.ended.set()
        with self.wake:
            self.wake.notify_all()
        saboteur.join()
        if self.problem:
            raise self.problem
        if self.left["kills"] or self.left["stops"]:
            raise Failure(f"the load was done before all was done to it: {self.left} were left; ask for more rows")

    def guarded(self, job, *arguments):
        try:
            job(*arguments)
        except Exception as problem:  # Told by whoever waits for the threads.
            self.problem = self.problem or problem
            self.ended.set()
            with self.wake:
                self.wake.notify_all()

    def fate(self, rng):
        """What becomes of the next loader: (after how many events, killed or stopped), or to be left alone."""
        with self.mutex:
            kinds = [kind for kind, left in self.left.items() if left > 0]
            if not kinds:
                return None
            kind = rng.choices(kinds, [self.left[kind] for kind in kinds])[0]
            self.left[kind] -= 1
        # Half of the load's events are there for all of them together.
        share = self.events / (self.asked["kills"] + self.asked["stops"] + 1)
        return kind, rng.randint(1, max(int(share), 2)), rng.random() * 0.02

    def work(self, number):
        rng = random.Random(f"{self.seed} worker {number}")
        with open(self.log_of(number), "a", encoding="utf-8") as log:
            while not self.problem:
                code = self.one_life(rng, log)
                if code == 0:
                    return
                if code in (3, 4):
                    # It gave up as it should: what it left is taken up by the next one.
                    self.done["given up, to be resumed"] += 1
                elif code is not None:
                    raise Failure(f"dv-load ended with {code}; see {log.name}")

    def one_life(self, rng, log):
        """Returns the exit code, or None when it was killed."""
        fate = self.fate(rng)
        log.write(f"---- {fate}\n")
        loader = Loader(self.command, log)
        killed = hung = False
        count, heard = 0, time.monotonic()
        over = threading.Event()

        def watch():
            nonlocal hung
            while not over.wait(1):
                if time.monotonic() - heard > SILENCE:
                    hung = True
                    loader.kill()
                    return

        watchdog = threading.Thread(target=watch)
        watchdog.start()
        try:
            if fate and fate[0] == "kills" and rng.random() < 0.1:
                # While it gets ready.
                time.sleep(rng.random() * 0.3)
                loader.kill()
                killed = True
            for event in loader.events():
                heard = time.monotonic()
                if event["event"] != "load" or killed:
                    continue
                count += 1
                self.hear()
                if not fate or count < fate[1]:
                    continue
                time.sleep(fate[2])
                if fate[0] == "stops":
                    log.write("---- stands still\n")
                    loader.hold(self.times["lease"] * 1.2 + self.times["quiet"])
                    log.write("---- goes on\n")
                    self.done["stops"] += 1
                    fate = self.fate(rng)
                    fate = fate and (fate[0], count + fate[1], fate[2])
                else:
                    loader.kill()
                    killed = True
                    self.places[event["what"], event.get("pass", "")] += 1
            code = loader.process.wait()
        finally:
            over.set()
            loader.kill()
            loader.process.wait()
        if hung:
            raise Failure(f"dv-load said nothing for {SILENCE} s; see {log.name}")
        if killed and code == -9:
            self.done["kills"] += 1
            return None
        if fate:
            # It ended before its time: that deed is left for another one.
            with self.mutex:
                self.left[fate[0]] += 1
        return code

    def hear(self):
        with self.wake:
            self.heard += 1
            if self.deeds and self.heard >= self.deeds[0][0]:
                self.wake.notify_all()

    def sabotage(self):
        """Restarts the emulator and holds the staging database, each when the load is so far."""
        while True:
            with self.wake:
                self.wake.wait_for(lambda: self.ended.is_set() or self.deeds and self.heard >= self.deeds[0][0])
                if self.ended.is_set():
                    return
                _, deed = self.deeds.popleft()
            if deed == "restarts":
                self.emulator.restart(self.rng.uniform(0.1, 1.0))
            else:
                hold_staging(self.staging, self.times["busy"] * self.rng.uniform(1.2, 2.0))
            self.done[deed] += 1

/*
 * The election of a set's active member (specs/012-set.md): members over one journal with a
 * conditional append. `npm run model` has spin check every reachable state, and then shows with each
 * rule switched off (a macro NO_...) that a violation is found.
 *
 * Safety: a member hands over an answer only if no member of a later epoch has handed over that a
 * change is done; who hands over has applied the journal as it is, with all that was said to be done.
 * Progress: some member becomes able to serve, again and again, until the journal of the model is
 * full.
 *
 * Included: appends that are late, repeated, or not answered; entries that no majority has, which can
 * be read, and vanish when the engine changes its leader; crashes at any time; farewells. A pause of a
 * member needs nothing: a process may take its next step at any time, and a lease ends whether or not
 * it takes one, since the holder's clock counts sleep.
 *
 * Time: there is none. A lease may end at any time. What is known of clocks is one fact, which is all
 * that their bounded rates are for: when a standby has been patient enough, by the grantor's clock,
 * every lease that was renewed by an append sent before its silence began has ended, by the holder's.
 * All that real clocks permit happens here, and more.
 *
 * Left out: a second epoch of the store that the elected member opens, trimming, snapshots, values.
 */

#define MEMBERS 2
#define other(i) (1 - (i))

/* Positions of the journal, from 1. */
#ifndef LAST
#define LAST 4
#endif

/* Crashes, and changes of the engine's leader that lose entries. */
#ifndef FAULTS
#define FAULTS 2
#endif

#define NONE 0
#ifndef WRITERS
#define WRITERS 3
#endif

mtype = { standby, begins, serves, leaving }

/* The engine: who wrote each entry, and which kind it has. A majority has the first `durable`. */
byte last, durable
byte log[LAST + 1]
bool isFarewell[LAST + 1]
/* What the writer of each entry knew to be acknowledged. */
byte known[LAST + 1]
byte faults, writers

/* An append of each writer that is on its way, perhaps several times: after this position, plus 1. */
byte wire[WRITERS + 1]
bool wireBegin[WRITERS + 1], wireFarewell[WRITERS + 1]
byte wireKnown[WRITERS + 1]
#ifdef NO_CONDITION
/* Where the first entry of each writer is. */
byte landed[WRITERS + 1]
#endif

/* A member: what it applied, and the entries of its replica. */
mtype state[MEMBERS] = standby
byte applied[MEMBERS]
byte rows[MEMBERS * (LAST + 1)]
#define row(i, p) rows[(i) * (LAST + 1) + (p)]

/* Of a standby: the end that it read, and who wrote the last entry there. */
byte seen[MEMBERS], seenWriter[MEMBERS]
/* Of one that appends: its writer, where its epoch began, and is an append under way? */
byte writer[MEMBERS], epoch[MEMBERS]
bool pending[MEMBERS], pendingChange[MEMBERS], readNothing[MEMBERS]
/* A change that is done, and not handed over yet. */
byte owed[MEMBERS]

/* May it answer? And would the acknowledgement of what it has sent let it answer? */
bool lease[MEMBERS], fresh[MEMBERS]
/* Was that append sent after the silence began that the other member counts? */
bool leaseAfter[MEMBERS], freshAfter[MEMBERS]

/* Said to be done: by position, the writer; and the latest epoch that said so. */
byte said[LAST + 1]
byte saidEpoch

/* Applies what follows, up to and including this position. */
inline apply(i, upto) {
  do
  :: applied[i] < upto ->
       applied[i]++;
       row(i, applied[i]) = log[applied[i]]
  :: else -> break
  od;
  p = 0
}

/* An answer is handed over: of a change there, or of what was read, with 0. */
inline handOver(i, at) {
  assert(epoch[i] >= saidEpoch);
  p = 1;
  do
  :: p <= LAST ->
       /* Nothing that was said to be done is missing, and nothing else is there. */
       assert(said[p] == NONE || (log[p] == said[p] && durable >= p));
       assert(p > applied[i] || row(i, p) == log[p]);
       assert(said[p] == NONE || applied[i] >= p);
       p++
  :: else -> break
  od;
  p = 0;
  if
  :: at != 0 ->
       said[at] = writer[i];
       saidEpoch = (epoch[i] > saidEpoch -> epoch[i] : saidEpoch)
  :: else -> skip
  fi
}

inline silenceBegins(i) {
  leaseAfter[other(i)] = false;
  freshAfter[other(i)] = false
}

/* The process ends, and comes back as a standby; what was sent may still arrive. */
inline restart(i) {
  state[i] = standby;
  seen[i] = 0; seenWriter[i] = NONE;
  writer[i] = NONE; epoch[i] = 0;
  pending[i] = false; pendingChange[i] = false; readNothing[i] = false;
  owed[i] = 0;
  lease[i] = false; fresh[i] = false; leaseAfter[i] = false; freshAfter[i] = false
}

inline send(i, after, begin, farewell) {
  wire[writer[i]] = after + 1;
  wireBegin[writer[i]] = begin;
  wireFarewell[writer[i]] = farewell;
  wireKnown[writer[i]] = (state[i] == begins -> known[seen[i]] : after);
  pending[i] = true;
  fresh[i] = true; freshAfter[i] = true
}

#ifdef NO_PATIENCE
#define isPatient(i) true
#else
#define isPatient(i) ((!lease[other(i)] || leaseAfter[other(i)]) && (!fresh[other(i)] || freshAfter[other(i)]))
#endif

#ifdef NO_LEASE_CHECK
#define mayServe(i) true
#else
#define mayServe(i) lease[i]
#endif

/* Where its entry is to be, and whether that, or another's, is there durably. */
#define next(i) (state[i] == begins -> seen[i] + 1 : applied[i] + 1)
#ifdef NO_CONDITION
#define isThere(i) (state[i] == begins && landed[writer[i]] != 0 -> durable >= landed[writer[i]] : durable >= next(i) && log[next(i)] == writer[i])
#define isTaken(i) (state[i] != begins && durable >= next(i) && log[next(i)] != writer[i])
#else
#define isThere(i) (durable >= next(i) && log[next(i)] == writer[i])
#define isTaken(i) (durable >= next(i) && log[next(i)] != writer[i])
#endif

/* An append arrives; it may arrive again. */
proctype Way(byte w) {
end:
  do
  :: atomic { wire[w] != 0 ->
       if
#ifdef NO_CONDITION
       :: last < LAST && (wire[w] == last + 1 || (wireBegin[w] && wire[w] <= last && landed[w] == 0)) ->
#else
       :: last < LAST && wire[w] == last + 1 ->
#endif
            last++;
            log[last] = w;
#ifdef NO_CONDITION
            landed[w] = (wireBegin[w] -> last : landed[w]);
#endif
            isFarewell[last] = wireFarewell[w];
            known[last] = wireKnown[w]
       :: else -> skip
       fi;
       if
       :: wire[w] = 0
       :: faults < FAULTS -> faults++
       fi
     }
  od
}

/* A majority has what the leader has; or the leader changes, and what no majority has is gone. */
proctype Engine() {
end:
  do
  :: atomic { durable < last -> durable = last }
  :: atomic { durable < last && faults < FAULTS ->
       faults++;
       do
       :: last > durable ->
            log[last] = NONE; isFarewell[last] = false; known[last] = 0; last--
       :: else -> break
       od
     }
  od
}

/* Leases end at any time. */
proctype Time(byte i) {
end:
  do
  :: atomic { lease[i] -> lease[i] = false; leaseAfter[i] = false }
  :: atomic { fresh[i] -> fresh[i] = false; freshAfter[i] = false; lease[i] = false; leaseAfter[i] = false }
  od
}

/* The acknowledgement renews the lease from when the append was sent, unless it was only found. */
inline appended(i, isAnswer) {
  if
  :: isAnswer && fresh[i] -> lease[i] = true; leaseAfter[i] = freshAfter[i]
  :: else -> skip
  fi;
  fresh[i] = false; freshAfter[i] = false;
  pending[i] = false; readNothing[i] = false;
  if
  :: state[i] == leaving -> restart(i)
#ifdef NO_CONDITION
  :: state[i] == begins ->
       apply(i, seen[i]); applied[i] = landed[writer[i]]; row(i, applied[i]) = writer[i];
       epoch[i] = applied[i]; state[i] = serves
#else
  :: state[i] == begins -> apply(i, seen[i] + 1); epoch[i] = applied[i]; state[i] = serves
#endif
  :: state[i] == serves ->
       applied[i]++;
       row(i, applied[i]) = log[applied[i]];
       if
       :: pendingChange[i] -> owed[i] = applied[i]; pendingChange[i] = false
       :: else -> skip
       fi
  fi
}

#ifdef NO_QUIET
#define answers(i) (state[i] == serves || state[i] == leaving)
#else
#define answers(i) (state[i] == serves)
#endif

#ifdef NO_PROOF
#define isProved(i) true
#else
#define isProved(i) (seen[i] == 0 || (durable >= seen[i] && log[seen[i]] == seenWriter[i]))
#endif

/* A standby may begin: the journal is empty, its last writer said farewell, or no entry came for long. */
#define mayBegin(i) (seen[i] == 0 || isFarewell[seen[i]] || isPatient(i))

proctype Member(byte i) {
  byte p;
end:
  do
  /* A look shows another end: what it read is dropped where it vanished; silence begins again. */
#ifdef NO_DROP
  :: atomic { state[i] == standby && seen[i] < last ->
#else
  :: atomic { state[i] == standby && seen[i] != last ->
#endif
#ifndef NO_COUNT_ANEW
       silenceBegins(i);
#else
       if
       :: seen[i] == 0 -> silenceBegins(i)
       :: else -> skip
       fi;
#endif
       seen[i] = last; seenWriter[i] = log[last];
#ifdef NO_ACKNOWLEDGED
       apply(i, last)
#else
       apply(i, known[last])
#endif
     }
  :: atomic { state[i] == standby && seen[i] < LAST && writers < WRITERS && mayBegin(i) && isProved(i) ->
       writers++; writer[i] = writers;
       state[i] = begins;
       send(i, seen[i], true, false)
     }
  :: atomic { state[i] == serves && !pending[i] && owed[i] == 0 && applied[i] < LAST ->
       if
       :: pendingChange[i] = true; send(i, applied[i], false, false)
       :: send(i, applied[i], false, false)
       :: faults < FAULTS -> faults++; state[i] = leaving; send(i, applied[i], false, true)
       fi
     }
  /* An answer waits for its lease, which a heartbeat renews. */
  :: atomic { state[i] == serves && !pending[i] && owed[i] != 0 && applied[i] < LAST ->
       send(i, applied[i], false, false)
     }
  :: atomic { pending[i] && isThere(i) -> appended(i, true) }
  :: atomic { pending[i] && isThere(i) -> appended(i, false) }
#ifdef NO_FENCE
  :: atomic { pending[i] && isTaken(i) && state[i] == serves -> appended(i, true) }
  :: atomic { pending[i] && isTaken(i) && state[i] != serves -> restart(i) }
#else
  :: atomic { pending[i] && isTaken(i) -> restart(i) }
#endif
  /* In doubt: it reads that nothing is there, and some time later sends the same again. */
  :: atomic { pending[i] && !readNothing[i] && durable < next(i) && wire[writer[i]] == 0 -> readNothing[i] = true }
  :: atomic { readNothing[i] && durable < next(i) ->
       readNothing[i] = false;
       wire[writer[i]] = next(i);
#ifdef NO_FIRST_TRY
       fresh[i] = true; freshAfter[i] = true
#endif
     }
#ifdef NO_FIRST_TRY
  :: atomic { readNothing[i] && durable >= next(i) -> readNothing[i] = false; fresh[i] = true; freshAfter[i] = true }
#endif
  /* The end after which it began has vanished. */
  :: atomic { state[i] == begins && last < seen[i] -> restart(i) }
  :: atomic { answers(i) && mayServe(i) && owed[i] != 0 -> handOver(i, owed[i]); owed[i] = 0 }
  :: atomic { answers(i) && mayServe(i) -> handOver(i, 0) }
  :: atomic { state[i] != standby && faults < FAULTS -> faults++; restart(i) }
  od
}

init {
  byte i = 1;
  atomic {
    run Engine();
    do
    :: i <= WRITERS -> run Way(i); i++
    :: else -> break
    od;
    run Time(0); run Time(1);
    run Member(0); run Member(1);
    i = 0
  }
}

/* Once a member may answer, and from then on, until this journal has no room. */
ltl progress { [] <> (lease[0] || lease[1] || last == LAST || writers == WRITERS) }

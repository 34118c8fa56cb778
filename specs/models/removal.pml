/*
 * The removal of a value (specs/004-index.md): one Global, two Locals, one key. `npm run model` has spin look at every
 * state that this can get into, and then shows with each rule switched off (a macro NO_...) that it would be missed.
 *
 * Safety: what was removed for all, by an answer that names nobody as owing it, is not served by any Local that is
 * registered, connected or not. Progress: once nothing goes wrong any more, every Local connects, and applies and
 * acknowledges every removal.
 *
 * In it: links that break at any time with all that is on its way, a Local that crashes, a log that no longer tells what a
 * Local has missed, fetches whose answers a removal overtakes, puts on streams that nothing orders against the index
 * stream, readers that go on. What goes wrong, and long reads, happen to the first Local alone: the other one has to be
 * waited for, and puts and removes meanwhile.
 * Left out: crashes of Global and its store, names, leases, time, several sessions of one Local, and forgetting a Local
 * that is out of touch, after which nothing is promised. test/simulation has all of those.
 */

#define LOCALS 2

/* Changes, numbered from 1: an incarnation is the number of its put. 0 stands for none. */
#ifndef CHANGES
#define CHANGES 3
#endif

/* Links that break and Locals that crash, all together. */
#ifndef FAULTS
#define FAULTS 1
#endif

#define MAX(a, b) ((a) > (b) -> (a) : (b))

mtype = { hello, welcome, reset, locate, located, verify, verified, feed, ack }

/* To Global and to each Local: a kind and two numbers. In order, lost with the link. */
chan toGlobal[LOCALS] = [4] of { mtype, byte, byte }
chan toLocal[LOCALS] = [4] of { mtype, byte, byte }
bool link[LOCALS]
/* The Local was welcomed: it may ask. */
bool connected[LOCALS]
byte faults

/* What is put, and what was stored: on a stream of its own. */
bool offered[LOCALS]
byte stored[LOCALS]

/* Global: the order of changes, and how far each Local is. */
byte seq = 1 /* the begin of the run */, incarnation, gone
byte complete
bool registered[LOCALS], greeted[LOCALS]
byte acked[LOCALS], told[LOCALS], outstanding[LOCALS]

/* A question that is being answered: what was read, and one more; and is it about what is void? */
byte reading[LOCALS]
bool verifying[LOCALS]

/* A Local: where it is, what it holds and what it gives to a reader. */
byte position[LOCALS]
byte held[LOCALS], reader[LOCALS]
bool heldVoid[LOCALS], readerVoid[LOCALS]
/* What is to be acknowledged when all that is void was asked about. */
byte owed[LOCALS]
/* Fetches and puts in flight, and the last removal heard of meanwhile. */
bool fetching[LOCALS], putting[LOCALS]
byte fetchLost[LOCALS], putLost[LOCALS]

inline breakLink(i) {
  link[i] = false;
  connected[i] = false;
  greeted[i] = false;
  do
  :: toGlobal[i]?_,_,_
  :: empty(toGlobal[i]) -> break
  od;
  do
  :: toLocal[i]?_,_,_
  :: empty(toLocal[i]) -> break
  od;
#ifndef NO_OUTSTANDING_CLEARED
  outstanding[i] = 0;
#endif
  reading[i] = 0;
  fetching[i] = false;
  owed[i] = 0
}

/* The process is gone, with all it held; its streams as well. */
inline crash(i) {
  breakLink(i);
  position[i] = 0;
  held[i] = 0;
  heldVoid[i] = false;
  reader[i] = 0;
  readerVoid[i] = false;
  putting[i] = false;
  offered[i] = false;
  stored[i] = 0
}

inline apply(i, removal) {
  if
  :: held[i] < removal -> held[i] = 0; heldVoid[i] = false
  :: else
  fi;
#ifndef NO_READERS_ENDED
  if
  :: reader[i] < removal -> reader[i] = 0; readerVoid[i] = false
  :: else
  fi;
#endif
  fetchLost[i] = MAX(fetchLost[i], removal);
  putLost[i] = MAX(putLost[i], removal)
}

inline keep(i, what) {
  held[i] = what;
  heldVoid[i] = false
}

#ifdef NO_REGISTER
#define hasLetGo(i) (!link[i] || acked[i] >= gone)
#else
#define hasLetGo(i) (!registered[i] || acked[i] >= gone)
#endif

/* A removal is durable; it is complete when all have acknowledged it, whoever still waits for that. */
proctype Removals() {
end:
  do
  :: atomic { incarnation != 0 && seq < CHANGES -> seq++; gone = seq; incarnation = 0 }
  :: atomic { complete < gone && hasLetGo(0) && hasLetGo(1) -> complete = gone }
  od
}

/* Global takes what a Local puts. */
proctype Puts(byte i) {
end:
  do
  :: atomic { offered[i] ->
       offered[i] = false;
       if
       :: incarnation == 0 && seq < CHANGES -> seq++; incarnation = seq
       :: incarnation == 0 && seq == CHANGES -> putting[i] = false
       :: incarnation != 0
       fi;
       stored[i] = incarnation
     }
  od
}

inline greet(i, applied) {
  greeted[i] = true;
  if
  /* Its memory is empty: it owes nothing. */
  :: applied == 0 ->
       registered[i] = true; acked[i] = seq; told[i] = seq;
       outstanding[i] = seq; toLocal[i]!reset,seq,0
  /* The log tells what it has missed. */
  :: applied != 0 ->
       acked[i] = MAX(acked[i], applied);
#ifdef NO_REPLAY
       told[i] = seq;
#else
       told[i] = applied;
#endif
       toLocal[i]!welcome,0,0
  /* The log has let go of it. */
  :: applied != 0 -> told[i] = seq; outstanding[i] = seq; toLocal[i]!reset,seq,0
  fi
}

/* Global reads what a Local says: an acknowledgement of what it was not told would break the protocol. */
proctype Session(byte i) {
  byte applied;
end:
  do
  :: atomic { toGlobal[i]?hello,applied,_ -> greet(i, applied); applied = 0 }
  :: atomic { toGlobal[i]?ack,applied,_ ->
       assert(outstanding[i] == applied);
       acked[i] = MAX(acked[i], applied);
#ifndef NO_NEXT_FEED
       outstanding[i] = 0;
#endif
       applied = 0
     }
  :: atomic { reading[i] == 0 && toGlobal[i]?[locate,0,0] ->
       toGlobal[i]?locate,_,_; reading[i] = 1 + incarnation; verifying[i] = false }
  :: atomic { reading[i] == 0 && toGlobal[i]?[verify,0,0] ->
       toGlobal[i]?verify,_,_; reading[i] = 1 + incarnation; verifying[i] = true }
  od
}

/* The answer to a question goes out some time after its row was read. */
proctype Answers(byte i) {
end:
  do
  :: atomic { reading[i] != 0 && nfull(toLocal[i]) ->
       if
       :: verifying[i] -> toLocal[i]!verified,reading[i] - 1,0
       :: else -> toLocal[i]!located,reading[i] - 1,0
       fi;
       reading[i] = 0; verifying[i] = false
     }
  od
}

/* One message of the feed is under way to a Local at a time; the next has all that came meanwhile. */
proctype Feed(byte i) {
end:
  do
  :: atomic { greeted[i] && outstanding[i] == 0 && told[i] < seq && nfull(toLocal[i]) ->
       if
       :: gone > told[i] -> toLocal[i]!feed,seq,gone
       :: else -> toLocal[i]!feed,seq,0
       fi;
       told[i] = seq;
       outstanding[i] = seq
     }
  od
}

inline acknowledge(i, upto) {
  position[i] = upto;
  toGlobal[i]!ack,upto,0
}

/* After a reset: everything that is held or read is void until Global has said what there is. */
inline begin(i, upto) {
  /* What is in flight is of the history before. */
  fetching[i] = false;
  putting[i] = false;
#ifndef NO_REVALIDATION
  heldVoid[i] = (held[i] != 0);
  readerVoid[i] = (reader[i] != 0);
#endif
  if
  :: heldVoid[i] || readerVoid[i] ->
       toGlobal[i]!verify,0,0; owed[i] = upto
  :: else -> acknowledge(i, upto)
  fi
}

inline settle(i, what) {
  if
  :: heldVoid[i] -> keep(i, what)
  :: else
  fi;
  if
  :: readerVoid[i] -> reader[i] = what; readerVoid[i] = false
  :: else
  fi;
  if
  :: owed[i] != 0 -> acknowledge(i, owed[i]); owed[i] = 0
  :: else
  fi
}

/* A Local dials for ever, and does as it is told. */
proctype Local(byte i) {
  byte a, removal;
end:
  do
  :: atomic { !link[i] -> link[i] = true; toGlobal[i]!hello,position[i],0 }
  :: atomic { toLocal[i]?welcome,_,_ -> connected[i] = true }
  :: atomic { toLocal[i]?reset,a,_ -> connected[i] = true; begin(i, a); a = 0 }
  :: atomic { toLocal[i]?verified,a,_ -> settle(i, a); a = 0 }
  :: atomic { toLocal[i]?located,a,_ ->
       if
#ifdef NO_FETCH_CHECK
       :: fetching[i] && a != 0 -> keep(i, a)
#else
       :: fetching[i] && a > fetchLost[i] -> keep(i, a)
#endif
       :: else
       fi;
       fetching[i] = false; fetchLost[i] = 0; a = 0
     }
#ifdef NO_APPLIED_BEFORE_ACK
  :: atomic { toLocal[i]?feed,a,removal -> acknowledge(i, a) };
     atomic { apply(i, removal); a = 0; removal = 0 }
#else
  :: atomic { toLocal[i]?feed,a,removal ->
       apply(i, removal); acknowledge(i, a); a = 0; removal = 0 }
#endif
  od
}

/* What callers of a Local do: fetch, put, read for a long time; and what is not used is evicted. */
proctype Callers(byte i) {
end:
  do
  :: atomic { connected[i] && position[i] != 0 && held[i] == 0 && !fetching[i] && nfull(toGlobal[i]) ->
       fetching[i] = true; fetchLost[i] = 0; toGlobal[i]!locate,0,0 }
  :: atomic { connected[i] && position[i] != 0 && !putting[i] && !offered[i] && stored[i] == 0 && seq < CHANGES ->
       putting[i] = true; putLost[i] = 0; offered[i] = true }
  :: atomic { stored[i] != 0 ->
       if
#ifdef NO_PUT_CHECK
       :: putting[i] && stored[i] > held[i] -> keep(i, stored[i])
#else
       :: putting[i] && stored[i] > putLost[i] && stored[i] > held[i] -> keep(i, stored[i])
#endif
       :: else
       fi;
       putting[i] = false; putLost[i] = 0; stored[i] = 0
     }
  :: atomic { i == 0 && held[i] != 0 && !heldVoid[i] && reader[i] == 0 -> reader[i] = held[i] }
  :: atomic { reader[i] != 0 && !readerVoid[i] -> reader[i] = 0 }
  :: atomic { held[i] != 0 && !heldVoid[i] -> held[i] = 0 }
  od
}

/* What can go wrong, at any time, but not for ever. */
proctype Faults(byte i) {
end:
  do
  :: atomic { link[i] && faults < FAULTS -> faults++; breakLink(i) }
  :: atomic { position[i] != 0 && faults < FAULTS -> faults++; crash(i) }
  od
}

init {
  byte i = 0;
  atomic {
    run Removals();
    do
    :: i < LOCALS ->
         run Puts(i); run Session(i); run Answers(i); run Feed(i); run Local(i);
         if
#ifdef CALM
         /* Nobody asks the second Local: that makes progress of the others small enough to be looked at. */
         :: i == 1
#endif
         :: i == 0 -> run Callers(i)
#ifndef CALM
         :: i == 1 -> run Callers(i)
#endif
         fi;
         i++
    :: else -> break
    od;
    run Faults(0)
  }
}

/* What a Local would give to a caller, or goes on giving to a reader, was removed for all. */
#define gives(what, isVoid, i) (what[i] != 0 && !isVoid[i] && what[i] < complete)
#define servesGone(i) (gives(held, heldVoid, i) || gives(reader, readerVoid, i))

ltl coherent { [] (!servesGone(0) && !servesGone(1)) }
ltl progress { <>[] (acked[0] >= gone && acked[1] >= gone) }

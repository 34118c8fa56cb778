/*
 * The removal of a value (specs/004-index.md): one Global, two Locals, one key. `npm run model` has
 * spin check every reachable state, and then shows with each rule switched off (a macro NO_...) that
 * a violation is found.
 *
 * Safety: a value whose removal is complete, with no Local named as owing it, is not served by any
 * registered Local, connected or not. Progress: once the faults stop, every Local connects, and
 * applies and acknowledges every removal.
 *
 * Included: links that break at any time and lose what is in flight, a Local that crashes, a log that
 * was trimmed beyond the position of a Local, fetches whose answers a removal overtakes, puts on
 * streams that nothing orders against the index stream, long reads. Faults and long reads happen to
 * the first Local only: the other one has to be waited for, and puts and removes meanwhile.
 * Left out: crashes of Global and its store, names, leases, time, several sessions of one Local, and
 * forgetting a Local that is out of touch, after which nothing is promised. test/simulation covers
 * all of those.
 */

#define LOCALS 2

/* Changes, numbered from 1: an incarnation is the number of its put. 0 means none. */
#ifndef CHANGES
#define CHANGES 3
#endif

/* The number of faults: links that break and Locals that crash. */
#ifndef FAULTS
#define FAULTS 1
#endif

#define MAX(a, b) ((a) > (b) -> (a) : (b))

mtype = { hello, welcome, reset, locate, located, verify, verified, feed, ack }

/* To Global and to each Local: a kind and two numbers. In order, lost with the link. */
chan toGlobal[LOCALS] = [4] of { mtype, byte, byte }
chan toLocal[LOCALS] = [4] of { mtype, byte, byte }
bool link[LOCALS]
/* The Local is welcome: it may send requests. */
bool connected[LOCALS]
byte faults

/* Puts and their answers, on separate streams. */
bool offered[LOCALS]
byte stored[LOCALS]

/* Global: the order of changes, and the position of each Local. */
byte seq = 1 /* the start of the run */, incarnation, gone
byte complete
bool registered[LOCALS], greeted[LOCALS]
byte acked[LOCALS], told[LOCALS], outstanding[LOCALS]

/* A question that is being answered: the row that was read, plus one; is it a revalidation? */
byte reading[LOCALS]
bool verifying[LOCALS]

/* A Local: its position, what it holds, and what it gives to a reader. */
byte position[LOCALS]
byte held[LOCALS], reader[LOCALS]
bool heldVoid[LOCALS], readerVoid[LOCALS]
/* The seq to acknowledge once everything void is revalidated. */
byte owed[LOCALS]
/* Fetches and puts in flight, and the last removal heard during each. */
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

/* The process ends, with everything it held and its streams. */
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

/* A removal is durable. It is complete when all have acknowledged it, even if no caller waits. */
proctype Removals() {
end:
  do
  :: atomic { incarnation != 0 && seq < CHANGES -> seq++; gone = seq; incarnation = 0 }
  :: atomic { complete < gone && hasLetGo(0) && hasLetGo(1) -> complete = gone }
  od
}

/* Global stores a put of a Local. */
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
  /* The log holds everything that it has missed. */
  :: applied != 0 ->
       acked[i] = MAX(acked[i], applied);
#ifdef NO_REPLAY
       told[i] = seq;
#else
       told[i] = applied;
#endif
       toLocal[i]!welcome,0,0
  /* The log was trimmed beyond its position. */
  :: applied != 0 -> told[i] = seq; outstanding[i] = seq; toLocal[i]!reset,seq,0
  fi
}

/* Global reads a message of a Local. Acknowledging what it was not fed would break the protocol. */
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

/* The answer to a question leaves some time after its row was read. */
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

/* A Local has one feed message in flight at a time; the next covers everything since. */
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

/* After a reset everything held or read is void until Global has confirmed it. */
inline begin(i, upto) {
  /* Everything in flight belongs to the history before. */
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

/* A Local dials indefinitely, and follows the feed. */
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

/* The callers of a Local: they fetch, put and read for a long time; unused values are evicted. */
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

/* The faults: at any time, but not indefinitely. */
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
         /* The second Local gets no requests, which keeps the check of progress small. */
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

/* A Local would serve, or still serves to a reader, a value whose removal is complete. */
#define gives(what, isVoid, i) (what[i] != 0 && !isVoid[i] && what[i] < complete)
#define servesGone(i) (gives(held, heldVoid, i) || gives(reader, readerVoid, i))

ltl coherent { [] (!servesGone(0) && !servesGone(1)) }
ltl progress { <>[] (acked[0] >= gone && acked[1] >= gone) }

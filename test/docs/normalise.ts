/** What differs between two runs of the same commands, and the word that stands for it. */

/**
 * The only accepted differences between a page and a run: each pattern is replaced in both.
 * Everything else must match letter by letter: keys, sizes, counts, messages, exit codes.
 */
export const VOLATILE: readonly (readonly [pattern: RegExp, word: string, what: string])[] = [
  [/\b12D3KooW\w+(\.\.\.)?/g, 'PEER', 'peer ids; a page may shorten one'],
  [/(?<=acknowledged by [^;\n]*)\b[^\s;]+/g, 'MEMBER', 'names of machines'],
  [/\bdstore_code_(\w+|\.\.\.)/g, 'CODE', 'codes for sessions of the page'],
  [/\b\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME', 'points in time'],
  [/\b[\d.]+(ms|s)\b/g, 'DURATION', 'durations'],
  [/(?<=process +)\d+/g, 'PID', 'process ids'],
  [/(?<=TIME, )[\d.]+[KMGT]iB/g, 'MEMORY', "a process's memory"],
  [/(?<=room for |free )[\d.]+[KMGT]iB/g, 'SIZE', 'the space on a disk'],
  [/(?<=iB of )[\d.]+[KMGT]iB/g, 'BUDGET', 'of a cache: a part of the memory'],
  [/\b(?!127\.)\d+\.\d+\.\d+\.\d+\b/g, 'HOST', 'addresses of this machine'],
  [/(?<=127\.0\.0\.1(:|\/tcp\/))[1-9]\d*/g, 'PORT', 'ports on loopback, which the system chooses'],
  // A machine may have several addresses, and the notes name all.
  [/(\/ip[46]\/[^/\s]+\/tcp\/(PORT|\d+)\/p2p\/PEER ?)+/g, 'ADDRESSES', 'the addresses of a node'],
  [/(?<=^joined Global at )[^;]+/gm, 'ADDRESS', 'one of them'],
  [/(?<=^listening on )[^;]+/gm, 'ADDRESSES', 'the addresses of a node'],
]

export function normalise(text: string): string {
  return VOLATILE.reduce((done, [pattern, word]) => done.replaceAll(pattern, word), text)
}

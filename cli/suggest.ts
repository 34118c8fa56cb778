/** Suggestions for mistyped words, and for those of other programs. */

/** Words that other programs use, by the command that does what they mean. */
const SYNONYMS: Readonly<Record<string, string>> = {
  put: 'add upload store save push set create write',
  get: 'cat download fetch pull read show load',
  ls: 'list keys names dir find',
  rm: 'delete del remove unbind gc',
  name: 'tag bind alias link',
  has: 'exists test check',
  stat: 'info size head',
  stop: 'quit kill shutdown down end',
  start: 'run serve server up init',
  daemon: 'foreground',
  cid: 'hash key digest sum b3sum',
  export: 'backup dump save-all archive',
  import: 'restore',
  watch: 'tail events follow subscribe',
  prefetch: 'warm preload',
  pin: 'hold retain',
  evict: 'drop forget',
  invite: 'ticket token share',
  join: 'connect login attach',
  members: 'peers nodes users',
  repl: 'shell prompt cli console',
  logs: 'log journal',
  verify: 'fsck scrub',
}

/** The command that does what a word of another program means. */
export function commandMeant(word: string): string | undefined {
  const meant = Object.entries(SYNONYMS).find(([, words]) => words.split(' ').includes(word))
  return meant?.[0]
}

/** The candidate nearest to `word`; undefined if more than a third of the word would change. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, before[j - 2]! + 1)
      }
      row.push(least)
    }
    before = above
    above = row
  }
  return above[b.length]!
}

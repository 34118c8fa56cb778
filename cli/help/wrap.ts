/** Lines of text that fit a terminal. */

/** Help is readable from here on, and hard to follow from one end of a wider line to the other. */
const NARROWEST = 20
const WIDEST = 120

/** The width of help and messages where nothing else is known, such as in a pipe. */
export const COLUMNS = 80

/** What stays on one line if it can: a command in backticks, a part of a usage in brackets. */
const TEXT_WORDS = /(?:`[^`]*`|\[[^\]]*\]|\S)+/g
/** A quoted argument of a command for a shell. */
const COMMAND_WORDS = /(?:'[^']*'|"[^"]*"|\S)+/g

/**
 * The width to write for: that of `COLUMNS`, else of the terminal, which is 0 where it is not
 * known, else 80; within bounds.
 */
export function columnsFor(
  terminal: number | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): number {
  const { COLUMNS: given = '' } = environment
  const chosen = /^[1-9]\d{0,5}$/.test(given) ? Number(given) : terminal || COLUMNS
  return Math.min(Math.max(chosen, NARROWEST), WIDEST)
}

/**
 * The text on lines of at most this many columns. It keeps its own line ends and the indentation of
 * each line; later lines of one have `hanging` more. Only a word that is longer goes over the edge.
 */
export function wrap(text: string, columns: number, hanging = ''): string {
  const lines = text.split('\n').map((line) => wrapLine(line, columns, hanging, TEXT_WORDS, ''))
  return lines.join('\n')
}

/** A command on lines that a shell joins again: all but the last end with a backslash. */
export function wrapCommand(command: string, columns: number, hanging: string): string {
  return wrapLine(command, columns, hanging, COMMAND_WORDS, ' \\')
}

function wrapLine(
  text: string,
  columns: number,
  hanging: string,
  pattern: RegExp,
  more: string,
): string {
  if (text.length <= columns) return text
  const indent = /^ */.exec(text)![0]
  const lines: string[] = []
  let line = ''
  for (const word of wordsOf(text, columns - indent.length - hanging.length, pattern)) {
    if (line !== '' && line.length + 1 + word.length + more.length > columns) {
      lines.push(line + more)
      line = ''
    }
    if (line === '') line = indent + (lines.length === 0 ? '' : hanging) + word
    else line += ` ${word}`
  }
  return [...lines, line].join('\n')
}

/** Its words; one that stays together only where it fits on a line. */
function wordsOf(text: string, room: number, pattern: RegExp): string[] {
  const words: readonly string[] = text.match(pattern) ?? []
  return words.flatMap((word) => (word.length <= room ? word : word.split(' ').filter(Boolean)))
}

/** Two columns; the second is wrapped, or goes below the first where that takes too much room. */
export function table(rows: readonly (readonly [string, string])[], columns: number): string {
  const widest = Math.max(0, ...rows.map(([left]) => left.length))
  const second = 2 + widest + 2
  const isNarrow = columns - second < Math.min(36, columns / 2)
  const text = rows.map(([left, right]) => {
    if (isNarrow) return `${wrap(`  ${left}`, columns, '  ')}\n${wrap(`      ${right}`, columns)}`
    const [first = '', ...others] = wrap(right, columns - second).split('\n')
    const rest = others.map((line) => `\n${' '.repeat(second)}${line}`)
    return `  ${left.padEnd(widest)}  ${first}${rest.join('')}`
  })
  return text.join('\n')
}

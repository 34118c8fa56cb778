/** A line as words, quoted as in a shell: '...' is literal, in "..." a backslash escapes, and outside them, too. */

export interface Word {
  /** Where it begins in the text. */
  readonly start: number
  /** Without its quotes. */
  readonly text: string
}

export interface Words {
  readonly words: readonly Word[]
  /** The quote that is open, or the backslash that escapes what is not there yet: more lines belong to it. */
  readonly open: string | undefined
}

const SPACE = /\s/

export function splitWords(text: string): Words {
  const words: Word[] = []
  let word: { start: number; text: string } | undefined
  let quote: string | undefined
  let escaped = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!
    if (quote === undefined && !escaped && SPACE.test(character)) {
      if (word !== undefined) words.push(word)
      word = undefined
      continue
    }
    word ??= { start: at, text: '' }
    if (escaped) {
      // Within quotes only what would end them, or escape, can be escaped. A line end that is escaped is none.
      if (quote === '"' && !'"\\\n'.includes(character)) word.text += '\\'
      if (character !== '\n') word.text += character
      escaped = false
    } else if (character === '\\' && quote !== "'") escaped = true
    else if (character === quote) quote = undefined
    else if (quote === undefined && (character === "'" || character === '"')) quote = character
    else word.text += character
  }
  if (word !== undefined) words.push(word)
  return { words, open: escaped ? '\\' : quote }
}

/** The word as it can be written, so that `splitWords` gives it back. */
export function quoteWord(word: string): string {
  if (/^[^\s'"\\]+$/.test(word)) return word
  return `'${word.replaceAll("'", `'\\''`)}'`
}

/** What to write after the beginning of a word, where this quote is open, so that it goes on with `rest`. */
export function quoteRest(rest: string, open: string | undefined): string {
  if (open === "'") return rest.replaceAll("'", `'\\''`)
  return rest.replaceAll(open === '"' ? /["\\]/g : /[\s'"\\]/g, String.raw`\$&`)
}

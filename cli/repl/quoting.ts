/** Quotes of a shell: '...' is literal; backslash escapes in "..." and outside (R007-60). */

export interface Word {
  /** Where it begins in the line. */
  readonly start: number
  /** Without quotes and escapes. */
  readonly text: string
}

export interface Words {
  readonly words: readonly Word[]
  /** The open quote, or the backslash at the end: the statement continues on the next line. */
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
      // In double quotes only these can be escaped. An escaped line end is dropped.
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

/** A spelling of the `rest` of a word, inside the `open` quote if there is one. */
export function quoteRest(rest: string, open: string | undefined): string {
  if (open === "'") return rest.replaceAll("'", `'\\''`)
  return rest.replaceAll(open === '"' ? /["\\]/g : /[\s'"\\]/g, String.raw`\$&`)
}

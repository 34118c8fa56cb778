/**
 * A picture of a session in a terminal, as SVG: lines of text, for light and dark screens. A page
 * can show it as an image; it needs no font, program or style sheet from elsewhere.
 */

/** How wide the terminal of a recorded session is, in characters. */
export const COLUMNS = 96

const FONT_SIZE = 13
/** The usual monospace fonts advance by 0.6 of their size or a little less. */
const CHARACTER = FONT_SIZE * 0.61
const LINE = 19
const MARGIN = 18
const BAR = 34
const WIDTH = Math.ceil(COLUMNS * CHARACTER) + 2 * MARGIN

const STYLE = `
.ground { fill: #f6f8fa; stroke: #d0d7de }
.light { fill: #d0d7de }
text { fill: #1f2328; white-space: pre; font: ${FONT_SIZE}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace }
.machine { fill: #0550ae }
.command { font-weight: 600 }
@media (prefers-color-scheme: dark) {
.ground { fill: #161b22; stroke: #3d444d }
.light { fill: #3d444d }
text { fill: #f0f6fc }
.machine { fill: #79c0ff }
}`

/** A prompt of a named machine, and what is typed there. */
const PROMPT = /^([a-z]+\$)( .*)$/

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}

const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (one) => ENTITIES[one]!)

const unescaped = (text: string): string =>
  Object.entries(ENTITIES).reduceRight((done, [one, entity]) => done.replaceAll(entity, one), text)

/** What a picture says to those who do not see it. */
export interface Caption {
  readonly title: string
  readonly description: string
}

/** The picture of these lines. Throws for a line that the terminal would have broken. */
export function draw(lines: readonly string[], { title, description }: Caption): string {
  const height = BAR + lines.length * LINE + MARGIN
  const body = lines.map((line, index) => {
    if (line.length > COLUMNS) throw new Error(`wider than the terminal: ${line}`)
    const y = BAR + (index + 1) * LINE - 4
    return `<text x="${MARGIN}" y="${y}" xml:space="preserve">${coloured(line)}</text>`
  })
  const lights = [0, 1, 2].map((index) => circle(MARGIN + 5 + index * 18))
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title description">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="description">${escaped(description)}</desc>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    ...lights,
    ...body,
    '</svg>',
  ].join('\n')}\n`
}

const circle = (x: number): string => `<circle class="light" cx="${x}" cy="17" r="5.5"/>`

function coloured(line: string): string {
  const [, machine, typed] = PROMPT.exec(line) ?? []
  if (machine === undefined) return escaped(line)
  return `<tspan class="machine">${machine}</tspan><tspan class="command">${escaped(typed!)}</tspan>`
}

/** The lines that a picture shows. */
export function linesIn(picture: string): string[] {
  return [...picture.matchAll(/<text [^>]*>(.*)<\/text>/g)].map(([, text]) =>
    unescaped(text!.replaceAll(/<[^>]*>/g, '')),
  )
}

/**
 * The lines on a screen after a program has written this, with the marks that erase a line of
 * progress carried out. Throws for any other control sequence.
 */
export function onScreen(written: string): string[] {
  const lines = written.split(/\r*\n/).map((line) => {
    const last = line.split('\r\u001b[K').at(-1)!
    if (/\p{Cc}/u.test(last)) throw new Error(`not for a picture: ${JSON.stringify(last)}`)
    return last.trimEnd()
  })
  if (lines.at(-1) === '') lines.pop()
  return lines.flatMap(broken)
}

/** A line, broken as a terminal breaks it. */
function broken(line: string): string[] {
  if (line.length <= COLUMNS) return [line]
  return [line.slice(0, COLUMNS), ...broken(line.slice(COLUMNS))]
}

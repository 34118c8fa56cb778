/** Plots as SVG, drawn from the document of a run. They need no program and no style sheet. */
import type { ContestantResult, Measure, Part, Row, RowResult, Run } from './model.ts'

const WIDTH = 760
const LABELS = 300
const FIGURES = 130
const BAR = 18
const STEP = 28
const TITLE = 34
const MARGIN = 12
/** What is left for the longest bar. */
const ROOM = WIDTH - LABELS - FIGURES - 2 * MARGIN

const COLOURS: Readonly<Record<Part, string>> = {
  dstore: '#1f6feb',
  native: '#0a3d91',
  floor: '#57606a',
  peer: '#afb8c1',
}
const GOAL = '#cf222e'

const escaped = (text: string): string =>
  text.replaceAll('`', '').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** A figure with its unit, for people. */
export function withUnit(value: number, measure: Measure): string {
  if (measure === 'rate') return `${Math.round(value).toLocaleString('en')}/s`
  const seconds = value < 0.1 ? `${(value * 1000).toFixed(0)} ms` : `${value.toFixed(2)} s`
  return measure === 'cpu' ? `${seconds} CPU` : seconds
}

interface Text {
  readonly x: number
  readonly y: number
  readonly text: string
  readonly anchor?: 'end'
  readonly weight?: 'bold'
}

function textElement({ x, y, text, anchor, weight }: Text): string {
  const more = `${anchor === undefined ? '' : ' text-anchor="end"'}${weight === undefined ? '' : ' font-weight="bold"'}`
  return `<text x="${x}" y="${y}"${more}>${escaped(text)}</text>`
}

const rect = (x: number, y: number, width: number, colour: string): string =>
  `<rect x="${x}" y="${y}" width="${Math.max(1, width).toFixed(1)}" height="${BAR}" fill="${colour}"/>`

/** A vertical line over the bars, where a goal is. */
const goal = (x: number, top: number, height: number): string =>
  `<path d="M${x.toFixed(1)} ${top}v${height}" stroke="${GOAL}" stroke-width="2" stroke-dasharray="4 3"/>`

function picture(height: number, title: string, elements: readonly string[]): string {
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="13" role="img">`
  const ground = `<rect width="${WIDTH}" height="${height}" rx="6" fill="#ffffff"/>`
  return `${[head, `<title>${escaped(title)}</title>`, ground, ...elements, '</svg>'].join('\n')}\n`
}

/** Median of each contestant; the line shows the span of all rounds, dashes the goal. */
export function rowPlot(row: RowResult): string {
  const { contestants, measure, title } = row
  const longest = Math.max(...contestants.flatMap(({ best, worst }) => [best, worst]), 1e-9)
  const scale = ROOM / longest
  const left = MARGIN + LABELS
  const bars = contestants.flatMap((one, i) => {
    const y = TITLE + i * STEP
    const [from, to] = [one.best, one.worst].toSorted((a, b) => a - b)
    const span = `M${(left + from! * scale).toFixed(1)} ${y + BAR / 2}H${(left + to! * scale).toFixed(1)}`
    return [
      textElement({ x: left - 8, y: y + 13, text: one.name, anchor: 'end' }),
      rect(left, y, one.median * scale, COLOURS[one.part]),
      `<path d="${span}" stroke="#000000" stroke-opacity="0.55"/>`,
      textElement({
        x: WIDTH - MARGIN,
        y: y + 13,
        text: withUnit(one.median, measure),
        anchor: 'end',
      }),
    ]
  })
  const floor = contestants.find(({ part }) => part === 'floor')
  const at = row.bar && row.bar.limit * (row.bar.isAbsolute ? 1 : (floor?.median ?? NaN)) * scale
  const height = TITLE + contestants.length * STEP
  const dashes =
    at !== undefined && at <= ROOM + FIGURES / 3 ? [goal(left + at, TITLE - 4, height - TITLE)] : []
  const heading = textElement({ x: MARGIN, y: 21, text: title, weight: 'bold' })
  return picture(height + MARGIN, title, [heading, ...bars, ...dashes])
}

/** How much longer dstore takes than the floor: below 1 it is faster. For rates, the inverse. */
export function slowness(one: ContestantResult, measure: Measure): number | undefined {
  if (one.ratio === undefined) return undefined
  return measure === 'rate' ? 1 / one.ratio : one.ratio
}

/** All rows that have a floor in one plot: time as a multiple of the floor's, with each goal. */
export function overview({ rows, machine }: Run): string {
  const found = rows.filter(({ contestants }) => contestants[0]?.ratio !== undefined)
  const most = 6
  const scale = ROOM / most
  const left = MARGIN + LABELS + 60
  const width = (multiple: number): number => Math.min(multiple, most) * scale
  const bars = found.flatMap((row, i) => {
    const { bar, contestants, measure, title } = row
    const y = TITLE + 20 + i * STEP
    const own = contestants.filter(({ part }) => part === 'dstore' || part === 'native')
    const figures = own.map((one) => slowness(one, measure)!.toFixed(2)).join(', native ')
    const limit = bar && (measure === 'rate' ? 1 / bar.limit : bar.limit)
    const part = BAR / own.length
    return [
      textElement({ x: left - 8, y: y + 13, text: shortened(title), anchor: 'end' }),
      ...own.map((one, n) =>
        rect(left, y + n * part, width(slowness(one, measure)!), COLOURS[one.part]).replace(
          `height="${BAR}"`,
          `height="${part}"`,
        ),
      ),
      ...(limit === undefined || limit > most ? [] : [goal(left + width(limit), y - 3, BAR + 6)]),
      textElement({ x: WIDTH - MARGIN, y: y + 13, text: figures, anchor: 'end' }),
    ]
  })
  const height = TITLE + 20 + found.length * STEP
  const one = left + scale
  const title =
    'Time as a multiple of the floor (grey: the floor; dashes: the goal; dark: native engine)'
  return picture(height + 26, title, [
    textElement({ x: MARGIN, y: 21, text: title, weight: 'bold' }),
    ...bars,
    `<path d="M${one} ${TITLE + 10}V${height}" stroke="${COLOURS.floor}" stroke-width="2"/>`,
    textElement({
      x: MARGIN,
      y: height + 14,
      text: `${machine.processor}, ${machine.cores} cores, ${machine.disk}, Node ${machine.node}`,
    }),
  ])
}

const MOST_CHARACTERS = 52
const shortened = (title: string): string => {
  const plain = title.replaceAll('`', '')
  return plain.length <= MOST_CHARACTERS ? plain : `${plain.slice(0, MOST_CHARACTERS - 1)}…`
}

/** The names of the plots of a run, in the folder of the page. */
export const plotName = (id: Row['id']): string => `plots/${id}.svg`

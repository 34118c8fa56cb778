/** Tells a walk: a line for each step as it ends, and a table in Markdown. */
import { linesOf } from './machine.ts'
import type { Step } from './steps.ts'
import { LINES_TO_KEY, type Walk } from './walk.ts'

/** What the time to the first key is compared with, on two idle cores. */
const SECONDS_TO_KEY = 20

/** What npm caches. */
const CACHES = /^~\/\.npm\/|\/node-compile-cache\//

/** How many faults of a step are shown. */
const SHOWN = 12

/** As a test runner shows it, so that whoever counts results counts these. */
export function line({ machine, command, ran, faults }: Step): string {
  const seconds = command.startsWith('#') ? '' : ` (${ran.seconds.toFixed(1)} s)`
  return [
    `  ${faults.length === 0 ? '✔' : '✘'} stranger › ${machine}$ ${command}${seconds}`,
    ...faults.slice(0, SHOWN).map((fault) => `      ${fault}`),
    ...(faults.length > SHOWN ? [`      and ${faults.length - SHOWN} more`] : []),
  ].join('\n')
}

/** Every command with its output. */
export function transcript({ steps }: Walk): string {
  return steps.all
    .filter(({ command }) => !command.startsWith('#'))
    .flatMap(({ machine, command, ran }) => [
      `${machine}$ ${command}`,
      ...linesOf(ran.stdout).map((text) => `  | ${text}`),
      ...linesOf(ran.stderr).map((text) => `  ! ${text}`),
      ...(ran.exit === 0 ? [] : [`  exit ${ran.exit}`]),
    ])
    .join('\n')
}

export function table(walk: Walk, title: string): string {
  const { installed, left, linesToKey, secondsToKey, steps } = walk
  const rows = steps.all.map(({ machine, command, ran, outLines, errLines, faults }) => {
    const more = faults.length > 1 ? `, and ${faults.length - 1} more` : ''
    const is = `${faults[0] ?? ''}${more}`
    const cell = command.startsWith('#')
      ? command.slice(2)
      : `\`${command.replaceAll('|', String.raw`\|`)}\``
    const figures = command.startsWith('#')
      ? '| | |'
      : `${ran.seconds.toFixed(2)} | ${outLines} | ${errLines} |`
    return `| ${machine} | ${cell} | ${figures} ${is} |`
  })
  const state = left.filter((path) => path.startsWith('~/.local/share/'))
  const others = left.filter((path) => !state.includes(path) && !CACHES.test(path))
  return [
    title,
    '',
    '| machine | command | s | stdout lines | stderr lines | not as expected |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
    `First key after ${secondsToKey.toFixed(1)} s (goal: ${SECONDS_TO_KEY} s on two idle cores) and ` +
      `${linesToKey} lines (at most ${LINES_TO_KEY}).`,
    `Installed: ${installed.mib.toFixed(1)} MiB in ${installed.files} files` +
      (installed.packages > 0 ? `, ${installed.packages} packages.` : '.'),
    `Left at the end: the state directory (${state.length} files and empty folders)` +
      (others.length === 0
        ? ', and nothing else.'
        : `, and by the installer ${others.join(', ')}.`),
  ].join('\n')
}

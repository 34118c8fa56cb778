import { test } from '../serial.ts'
import { pageModule } from './page-module.ts'

interface Clock {
  readonly hearTime: (date: string | null) => void
  readonly now: () => number
}

const { hearTime, now } = await pageModule<Clock>('core/clock.js')

/** What the page takes the daemon's clock to be ahead of ours, in whole minutes. */
const minutesAhead = (): number => Math.round((now() - Date.now()) / 60_000)

const headerIn = (ms: number): string => new Date(Date.now() + ms).toUTCString()

test('R013-50: ages follow the clock of the daemon', (t) => {
  for (const minutes of [90, -90, 60 * 24 * 400, 0]) {
    hearTime(headerIn(minutes * 60_000))
    t.is(Math.abs(minutesAhead() - minutes), 0)
  }
})

test('R013-50: whole seconds, and answers that took a while, move no clock', (t) => {
  for (const skewed of [0, 3_600_000]) {
    hearTime(headerIn(skewed))
    const ahead = now() - Date.now()
    for (const ms of [-1900, -1000, 0, 1000, 1900]) {
      hearTime(headerIn(skewed + ms))
      t.true(Math.abs(now() - Date.now() - ahead) < 5, `${skewed} ${ms}`)
    }
  }
})

test('R013-50: an answer without a time, or with none that can be read, moves no clock', (t) => {
  hearTime(headerIn(3_600_000))
  for (const date of [null, '', 'yesterday']) hearTime(date)
  t.is(minutesAhead(), 60)
})

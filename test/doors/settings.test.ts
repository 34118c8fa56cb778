/** The settings that open doors: flags, environment, and what is saved. */
import { test } from '../serial.ts'
import { doorsIn } from '../../src/daemon/config/door-settings.ts'
import {
  readSettings,
  resolveSettings,
  settingsFromEnvironment,
  writeSettings,
} from '../../src/daemon/config/settings.ts'
import { statusText } from '../../cli/terminal/status-text.ts'
import { statusFor } from '../cli/doctor-facts.ts'
import { join } from 'node:path'
import { temporaryDirectory } from '../daemon/serving.ts'

test('R010-1 doors are named with commas, in one flag or several', (t) => {
  t.deepEqual(doorsIn(['cache,hf', 'dav']), ['cache', 'hf', 'dav'])
  t.deepEqual(settingsFromEnvironment({ DSTORE_DOOR: 'cache,dav' }).doors, ['cache', 'dav'])
  for (const name of ['attic', 'Cache', 'cache,', ' dav', '', '__proto__', 'none,dav']) {
    t.throws(() => settingsFromEnvironment({ DSTORE_DOOR: `dav,${name}` }), {
      code: 'usage',
    })
  }
})

test('R010-1 doors are remembered until others are named, or none', (t) => {
  t.deepEqual(resolveSettings({ doors: ['dav', 'dav', 'cache'] }, {}).doors, ['dav', 'cache'])
  t.deepEqual(resolveSettings({}, { doors: ['dav'] }).doors, ['dav'])
  t.deepEqual(resolveSettings({ doors: ['hf'] }, { doors: ['dav'] }).doors, ['hf'])
  t.false('doors' in resolveSettings({ doors: ['none'] }, { doors: ['dav'] }))
  t.deepEqual(resolveSettings({ http: 'none' }, { http: '127.0.0.1:1', doors: ['dav'] }).doors, [
    'dav',
  ])
  const path = join(temporaryDirectory(t), 'config.json')
  writeSettings(path, { doors: ['ipfs', 'dav'] })
  t.deepEqual(readSettings(path), { doors: ['ipfs', 'dav'] })
})

test('R010-70 an upstream is for the door hf, and a URL without secrets', (t) => {
  const hfUpstream = 'https://hub.example'
  t.is(resolveSettings({ doors: ['hf'], hfUpstream }, {}).hfUpstream, hfUpstream)
  t.is(resolveSettings({}, { doors: ['hf'], hfUpstream }).hfUpstream, hfUpstream)
  t.false('hfUpstream' in resolveSettings({ doors: ['dav'] }, { doors: ['hf'], hfUpstream }))
  t.false('hfUpstream' in resolveSettings({ hfUpstream: 'none' }, { doors: ['hf'], hfUpstream }))
  t.throws(() => resolveSettings({ hfUpstream }, { doors: ['dav'] }), { code: 'usage' })
})

test('status says where open doors are', (t) => {
  const lineOf = (doors: readonly string[], url?: string): string | undefined => {
    const status = statusFor('local')
    const http = url === undefined ? {} : { http: { ...HTTP, url } }
    const text = statusText({ ...status, daemon: { ...status.daemon, doors, ...http } })
    return text.split('\n').find((line) => line.startsWith('doors'))
  }
  t.is(lineOf([]), undefined)
  t.is(lineOf(['/hf'], 'https://[::1]:1'), 'doors         https://[::1]:1/hf')
  t.is(lineOf(['/cache', '/dav'], 'http://h:1'), 'doors         http://h:1/cache http://h:1/dav')
  t.is(lineOf(['/dav']), 'doors         /dav, over the socket only: see --http')
})

const HTTP = { url: '', public: false, tokenFile: 'file', refused: 0 } as const

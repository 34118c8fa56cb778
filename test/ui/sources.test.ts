import { existsSync } from 'node:fs'
import { posix } from 'node:path'
import { gzipSync } from 'node:zlib'
import { ROUTES } from '../../src/daemon/http/routes.ts'
import { test } from '../serial.ts'
import { PAGE_FOLDER, pageFiles, pageText } from './page-module.ts'

const modules = pageFiles('.js').filter((path) => !path.startsWith('vendor'))

test('R013-59: no module of the page sets HTML, runs text, or sets styles or handlers by text', (t) => {
  const banned =
    /innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|document\.write|DOMParser|srcdoc|\beval\(|new Function|javascript:|setAttribute\(\s*['"](style|on)|setTimeout\(\s*['"`]/
  t.true(modules.length > 30)
  for (const path of modules) t.notRegex(pageText(path), banned, path)
})

test('R013-59: the document has no script or style of its own, and names only files of the page', (t) => {
  const text = pageText('index.html')
  t.notRegex(text, /\son\w+=|\sstyle=|<style/)
  t.notRegex(text, /<script(?![^>]*\ssrc=)/)
  const targets = [...text.matchAll(/(?:src|href)="([^"#][^"]*)"/g)].map(([, target]) => target!)
  t.true(targets.length > 5)
  for (const target of targets.filter((one) => !one.startsWith('data:'))) {
    t.notRegex(target, /^(\w+:|\/)/, target)
    if (!target.startsWith('vendor/')) t.true(existsSync(posix.join(PAGE_FOLDER, target)), target)
  }
})

test('R013-60: the first script imports nothing, and the next ones come behind it', (t) => {
  t.notRegex(pageText('first.js'), /^import /m)
  const scripts = [...pageText('index.html').matchAll(/<script[^>]*src="([^"]+)"/g)]
  t.deepEqual(
    scripts.map(([, path]) => path),
    ['first.js', 'begin.js', 'main.js'],
  )
})

test('R013-61: storage holds the theme, and for the tab the session, and nothing else', (t) => {
  const uses = modules.flatMap((path) =>
    [
      ...pageText(path).matchAll(
        /(localStorage|sessionStorage|indexedDB|document\.cookie|caches)\b[.\w]*/g,
      ),
    ].map(([use]) => `${path} ${use}`),
  )
  t.deepEqual([...new Set(uses)].toSorted(), [
    'api/client.js sessionStorage.getItem',
    'api/client.js sessionStorage.removeItem',
    'api/client.js sessionStorage.setItem',
    'first.js localStorage.getItem',
    'first.js localStorage.removeItem',
    'first.js localStorage.setItem',
  ])
})

test('the page takes little of the network: all of it is below 100 KB when compressed', (t) => {
  const sizes = [...modules, ...pageFiles('.css'), 'index.html']
    .filter((path) => !path.startsWith('vendor'))
    .map((path) => gzipSync(pageText(path)).byteLength)
  const sum = sizes.reduce((total, size) => total + size, 0)
  t.log(`${sizes.length} files, ${sum} bytes`)
  t.true(sum < 100_000, `${sum} bytes`)
})

test('R013-62: what the page asks whether it may is a call that there is', (t) => {
  const calls = ROUTES.flatMap(({ path, methods }) =>
    Object.keys(methods).map((one) => `${one} ${path}`),
  )
  const asked = modules.flatMap((path) =>
    [...pageText(path).matchAll(/'((?:GET|PUT|POST|DELETE) \/[^']+)'/g)].map(([, call]) => call!),
  )
  t.true(asked.length > 30)
  t.deepEqual(
    asked.filter((call) => !calls.includes(call)),
    [],
  )
})

test('R013-62: what the page sends has a question before it, but for what opens it', (t) => {
  const isOpening = /^api\//
  const sends = /\b(?:ask|call|follow)\(\s*'(PUT|POST|DELETE)'/
  for (const path of modules.filter((one) => sends.test(pageText(one)) && !isOpening.test(one))) {
    t.regex(pageText(path), /\bmay\(/, path)
  }
})

/** What the build makes beside the bundle: the public types, and the licences. */
import { test } from '../serial.ts'
import { licenseTexts } from '../../tools/licenses.ts'
import { publicTypes } from '../../tools/public-types.ts'
import { filesIn, read } from './tree.ts'

const ENTRY = 'dstore.d.ts'

/** The public types of these files. */
const typesOf = (files: Record<string, string>): Map<string, string> =>
  publicTypes((path) => files[path] ?? '', ENTRY)

test('R007-167: the types are those that the entry reaches, with specifiers for every compiler', (t) => {
  const types = typesOf({
    [ENTRY]: `export { a } from './a/a.ts'\nexport type * from "./b.ts";`,
    'a/a.d.ts': `import type { B } from '../b.ts'\nexport declare const a: B`,
    'b.d.ts': `export type B = import('./c.ts').C`,
    'c.d.ts': 'export type C = 1',
    'd.d.ts': 'export type D = 1',
  })
  t.deepEqual([...types.keys()].toSorted(), ['a/a.d.ts', 'b.d.ts', 'c.d.ts', ENTRY])
  t.is(types.get(ENTRY), `export { a } from './a/a.js'\nexport type * from "./b.js";`)
  t.is(types.get('b.d.ts'), `export type B = import('./c.js').C`)
})

for (const text of [
  `import type { FileHandle } from 'node:fs/promises'`,
  `export type * from '@libp2p/interface'`,
  `export type P = import('libp2p').Libp2p`,
  `import '@libp2p/interface'`,
  'export declare const bytes: Buffer',
  'export declare const timer: NodeJS.Timeout',
  '/// <reference types="node" />',
]) {
  test(`R007-167: the build refuses public types with ${text}`, (t) => {
    t.throws(() => typesOf({ [ENTRY]: `export * from './a.ts'`, 'a.d.ts': text }), {
      message: /^a\.d\.ts is part of the public types, and /,
    })
  })
}

test('R007-167: a comment may name what the types may not', (t) => {
  t.notThrows(() => typesOf({ [ENTRY]: '/** Not a Buffer. */\nexport type A = Uint8Array' }))
})

test('R007-167: the built package has these types, and no others', (t) => {
  const types = publicTypes((path) => read(`dist/src/${path}`), ENTRY)
  t.true(types.size > 10)
  for (const [path, text] of types) t.is(read(`dist/types/${path}`), text)
  t.deepEqual(
    filesIn('dist/types').toSorted(),
    [...types.keys()].map((path) => `dist/types/${path}`).toSorted(),
  )
})

const MIT = { name: 'a', version: '1.0.0', license: 'MIT' }

test('a package without the text of its licence has the standard text, once', (t) => {
  const text = licenseTexts([
    { ...MIT, licenseText: 'Copyright (c) A\n\nPermission is hereby granted, by A\n' },
    { ...MIT, name: 'b', licenseText: '' },
    { ...MIT, name: 'c', license: 'Apache-2.0 OR MIT', licenseText: 'This has two licences.' },
    { ...MIT, name: 'd', license: 'Apache-2.0', licenseText: '' },
  ])
  t.true(
    text.includes('a 1.0.0 (MIT)\n\nCopyright (c) A\n\nPermission is hereby granted, by A\n\n---'),
  )
  t.true(text.includes('Copyright (c) the authors of b. Used under "MIT", as below.'))
  t.true(
    text.includes(
      'This has two licences.\n\nCopyright (c) the authors of c. Used under "Apache-2.0"',
    ),
  )
  t.is(text.split('Permission is hereby granted').length, 3)
  t.is(text.split('TERMS AND CONDITIONS FOR USE').length, 2)
})

test('a licence that nobody has accepted ends the build', (t) => {
  t.throws(() => licenseTexts([{ ...MIT, license: 'GPL-3.0', licenseText: 'GPL' }]), {
    message: 'a has the licence GPL-3.0',
  })
})

/** Names of the packages whose modules are in the bundle, by the comments of the bundler. */
function bundledPackages(): string[] {
  const found = new Set<string>()
  for (const path of filesIn('dist/chunks').filter((name) => name.endsWith('.js'))) {
    for (const [, module] of read(path).matchAll(/^\/\/ (node_modules\/.+\.[cm]?js)$/gm)) {
      const inside = module!.slice(module!.lastIndexOf('node_modules/') + 13).split('/')
      found.add(inside.slice(0, inside[0]!.startsWith('@') ? 2 : 1).join('/'))
    }
  }
  return [...found].toSorted()
}

test('every bundled package is in the licences with its terms', (t) => {
  const sections = read('dist/chunks/LICENSES.txt').split(`\n\n${'-'.repeat(80)}\n\n`)
  const named: string[] = []
  for (const section of sections) {
    const name = /^(\S+) \d\S+ \(/.exec(section)?.[1]
    if (name !== undefined) named.push(name)
    const terms =
      /Permission is hereby granted|TERMS AND CONDITIONS FOR USE|Redistribution and use|Used under "/
    t.regex(section, terms)
  }
  const bundled = bundledPackages()
  t.true(bundled.length > 50)
  for (const name of bundled) t.true(named.includes(name), name)
  for (const name of ['libp2p', 'lmdb', 'multiformats', 'prom-client']) t.true(named.includes(name))
})

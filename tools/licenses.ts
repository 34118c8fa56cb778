/**
 * The licences of bundled packages, in one text. Half of the packages name their licence without
 * its text; for these the standard text follows once, after the packages. The build writes it.
 */
import { readFileSync } from 'node:fs'

/** What a package says about itself. */
export interface Licensed {
  readonly name: string
  readonly version: string
  /** An SPDX expression. */
  readonly license: string
  /** Empty where the package has no such file. */
  readonly licenseText: string
}

/** A text for people. Throws for a licence that nobody has looked at. */
export function licenseTexts(packages: readonly Licensed[]): string {
  const used = new Set<Standard>()
  const sections = packages.map(({ name, version, license, licenseText }) => {
    const standards = ACCEPTED[license]
    if (standards === undefined) throw new Error(`${name} has the licence ${license}`)
    const parts = [`${name} ${version} (${license})`]
    const text = licenseText.trim()
    if (text !== '') parts.push(text)
    const { notice, under } = NOTICES[name] ?? {}
    if (notice !== undefined) parts.push(notice)
    const referred = [...(isWhole(text) ? [] : standards), ...(under ?? [])]
    if (referred.length > 0) {
      const names = referred.map((standard) => `"${standard}"`).join(' and ')
      parts.push(`Copyright (c) the authors of ${name}. Used under ${names}, as below.`)
    }
    for (const standard of referred) used.add(standard)
    return parts.join('\n\n')
  })
  for (const standard of [...used].toSorted()) sections.push(`${standard}\n\n${TEXTS[standard]()}`)
  return `${sections.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`
}

/** The terms themselves, and not only where they are. */
const isWhole = (text: string): boolean =>
  /Permission is hereby granted|TERMS AND CONDITIONS FOR USE|Redistribution and use/.test(text)

type Standard = 'Apache-2.0' | 'BSD-3-Clause' | 'MIT'

/** Notices in the sources of packages, which have no such file, and what else these are under. */
const NOTICES: Readonly<Record<string, { notice: string; under?: readonly Standard[] }>> = {
  '@bufbuild/protobuf': {
    notice:
      'Copyright 2021-2026 Buf Technologies, Inc.\nCopyright 2008 Google Inc. All rights reserved.',
  },
  multiformats: {
    notice:
      'base-x encoding / decoding\nCopyright (c) 2018 base-x contributors\n' +
      'Copyright (c) 2014-2018 The Bitcoin Core developers (base58.cpp)',
    under: ['MIT'],
  },
}

/** The licences that the bundle may have, and those of them that we use packages under. */
const ACCEPTED: Readonly<Record<string, readonly Standard[]>> = {
  MIT: ['MIT'],
  'Apache-2.0': ['Apache-2.0'],
  'BSD-3-Clause': ['BSD-3-Clause'],
  'Apache-2.0 OR MIT': ['Apache-2.0'],
  '(Apache-2.0 AND BSD-3-Clause)': ['Apache-2.0', 'BSD-3-Clause'],
}

const DISCLAIMED = `THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.`

const TEXTS: Readonly<Record<Standard, () => string>> = {
  // It is the licence of this package, too.
  'Apache-2.0': () => readFileSync('LICENSE', 'utf8').trim(),
  MIT: () => `Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

${DISCLAIMED}`,
  'BSD-3-Clause': () => `Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this
   list of conditions and the following disclaimer.

2. Redistributions in binary form must reproduce the above copyright notice,
   this list of conditions and the following disclaimer in the documentation
   and/or other materials provided with the distribution.

3. Neither the name of the copyright holder nor the names of its contributors
   may be used to endorse or promote products derived from this software without
   specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND
ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED
WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR
ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES
(INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS
OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY
THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING
NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN
IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.`,
}

/** Writes specs/vectors from the executable model: `npm run vectors`. */
import { writeFileSync } from 'node:fs'
import { pathVectors } from '../specs/models/cache-paths.ts'
import { directoryVectors } from '../specs/models/directory-vectors.ts'
import { journalVectors } from '../specs/models/journal-vectors.ts'
import { ticketVectors } from '../specs/models/tickets.ts'
import { keyVectors, piecesVectors, valueVectors, vectorFile } from '../specs/models/vectors.ts'

for (const [name, vectors] of [
  ['001-keys.json', keyVectors()],
  ['002-verified-values.json', valueVectors()],
  ['003-pieces.json', piecesVectors()],
  ['006-tickets.json', ticketVectors()],
  ['008-directories.json', directoryVectors()],
  ['010-doors.json', pathVectors()],
  ['009-journal.json', journalVectors()],
] as const) {
  writeFileSync(new URL(`../../specs/vectors/${name}`, import.meta.url), vectorFile(vectors))
}

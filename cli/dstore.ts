/** The entry of the command line. */
import { main } from './main.ts'

// All output is written. Exit without waiting for open connections and pipes.
process.exit(await main(process.argv.slice(2)))

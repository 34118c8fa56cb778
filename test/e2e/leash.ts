/** Preloaded into a daemon under test: it ends with the test process that holds its standard input, however that ends. */
process.stdin.on('close', () => process.exit())
process.stdin.resume()
process.stdin.on('error', () => process.exit())

/** The same calls from CommonJS: `require`, and a function where `await` may stand. */
const { createNode } = require('@dstore/dstore')

async function main() {
  const dstore = await createNode()
  try {
    const { key } = await dstore.put('hello, world\n', { name: 'greeting' })
    console.log(key)
    console.log(await (await dstore.get(key)).text())
  } finally {
    await dstore.close()
  }
}

void main()

/* prints
Key(bafkr4idchjkgbwcbw3i4cpiib2cvadqaip6uxjfixkobvknu63qneerhnq)
hello, world

*/

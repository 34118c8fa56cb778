export async function testHelia(): Promise<void> {}

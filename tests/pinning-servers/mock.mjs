// Runs mock-ipfs-pinning-service on a free port of this computer, for one token. Prints {endpoint} when it is ready.
import { createServer } from 'node:http'

import mock from 'mock-ipfs-pinning-service'

const [token] = process.argv.slice(2)
const server = createServer(await mock.setup({ token }))
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ endpoint: `http://127.0.0.1:${server.address().port}` }))
})

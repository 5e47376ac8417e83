// Runs the official compliance suite. Reads {endpoint, token, reports} and answers with the suite's own result.
// The suite is left as it is, but reads the API's description from this folder instead of the network, and writes its
// reports into the folder `reports`.
import { appendFileSync, readFileSync, writeSync } from 'node:fs'
import { register } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const { endpoint, token, reports } = JSON.parse(readFileSync(0, 'utf8'))
const specification = fileURLToPath(new URL('./ipfs-pinning-service.yaml', import.meta.url))
register('./places.mjs', import.meta.url, { data: { specification, reports } })
process.argv.splice(2, Infinity, '--serviceAndToken', endpoint, token)
process.stdout.write = process.stderr.write.bind(process.stderr)
process.on('exit', () => {
  const report = join(reports, new URL(endpoint).hostname)
  const result = JSON.parse(readFileSync(`${report}.json`, 'utf8'))
  if (!result.success) appendFileSync(2, readFileSync(`${report}.md`))
  writeSync(1, JSON.stringify(result))
})
await import(
  new URL('./node_modules/@ipfs-shipyard/pinning-service-compliance/dist/src/index.js', import.meta.url)
)

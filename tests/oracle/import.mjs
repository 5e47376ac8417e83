// Imports what lies on the disk with ipfs-unixfs-importer.
//
// Standard input: a JSON array of jobs, { path, options, car? }. `options` are the importer's own, except that `chunker`
// and `layout` are given by name: { fixedSize: {…} }, { trickle: {…} }. `car` is where the blocks go.
// Standard output: a JSON array with the root's CID of each job.
import { createReadStream, createWriteStream } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { CarWriter } from '@ipld/car/writer'
import { importer } from 'ipfs-unixfs-importer'
import * as chunkers from 'ipfs-unixfs-importer/chunker'
import * as layouts from 'ipfs-unixfs-importer/layout'

async function * candidates (path, name) {
  const stat = await lstat(path)
  if (stat.isSymbolicLink()) {
    yield { path: name, link: await readlink(path) }
  } else if (stat.isFile()) {
    yield { path: name, content: createReadStream(path) }
  } else {
    const entries = await readdir(path)
    if (entries.length === 0) {
      yield { path: name }
    }
    for (const entry of entries) {
      yield * candidates(join(path, entry), `${name}/${entry}`)
    }
  }
}

function named (constructors, choice) {
  if (choice === undefined) {
    return undefined
  }
  const [[name, options]] = Object.entries(choice)
  return constructors[name](options)
}

async function writeCar (path, root, blocks) {
  const { writer, out } = CarWriter.create([root])
  const written = pipeline(Readable.from(out), createWriteStream(path))
  for (const [cid, bytes] of blocks) {
    await writer.put({ cid, bytes })
  }
  await writer.close()
  await written
}

async function run ({ path, options, car }) {
  const blocks = []
  const store = {
    put: async (cid, bytes) => {
      if (car !== undefined) {
        blocks.push([cid, bytes])
      }
      return cid
    }
  }
  const { chunker, layout, ...plain } = options
  const parameters = { ...plain, chunker: named(chunkers, chunker), layout: named(layouts, layout) }
  let root
  for await (const entry of importer(candidates(path, 'root'), store, parameters)) {
    root = entry.cid
  }
  if (car !== undefined) {
    await writeCar(car, root, blocks)
  }
  return root.toString()
}

const roots = []
for (const job of JSON.parse(await text(process.stdin))) {
  roots.push(await run(job))
}
console.log(JSON.stringify(roots))

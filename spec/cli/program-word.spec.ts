// What is printed for people to paste into a shell works there.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import test from 'ava'
import fc from 'fast-check'

import { PACKAGE_ROOT } from '../../lib/cli/home.ts'
import { programWord } from '../../lib/cli/program-word.ts'
import { shellWord } from '../../lib/cli/shell-word.ts'

const OWN = join(PACKAGE_ROOT, 'bin', 'securechat-server')

test('by its name only where the shell finds this one first', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'securechat-word-'))
  t.teardown(() => {
    rmSync(dir, { recursive: true, force: true })
  })
  t.is(programWord('securechat-server', ''), shellWord(OWN))
  t.is(programWord('securechat-server', `/nowhere:${dir}`), shellWord(OWN))
  const bin = join(PACKAGE_ROOT, 'bin')
  t.is(programWord('securechat-server', `/nowhere:${bin}`), 'securechat-server')
  writeFileSync(join(dir, 'securechat-server'), 'another one')
  t.is(programWord('securechat-server', `${dir}:${bin}`), shellWord(OWN))
  rmSync(join(dir, 'securechat-server'))
  symlinkSync(OWN, join(dir, 'securechat-server'))
  t.is(programWord('securechat-server', dir), 'securechat-server')
})

test('a shell reads back what was quoted', (t) => {
  t.is(shellWord('/srv/chat-1/server.config.json'), '/srv/chat-1/server.config.json')
  const texts = fc.sample(
    fc.string({ unit: fc.constantFrom(...'a \'"$`\\!*~#&;|<>()\n\u00fc-') }),
    50,
  )
  for (const text of ['', "it's", '$HOME', '~', ...texts]) {
    const out = execFileSync('sh', ['-c', `printf %s ${shellWord(text)}`], { encoding: 'utf8' })
    t.is(out, text)
  }
})

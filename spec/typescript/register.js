// `node --import=./spec/typescript/register.js file.ts`: runs TypeScript by blanking out its types.
import { register } from 'node:module'

register('./hooks.js', import.meta.url)

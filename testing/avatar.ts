import { createHash } from 'node:crypto'

/** A drawing of its own for each name: two colours and the initial. */
export function avatarSVG(username: string): string {
  const [a = 0, b = 0] = createHash('sha256').update(username).digest()
  const hue = Math.round((a / 255) * 360)
  const second = (hue + 30 + (b % 25)) % 360
  const initial = (/[\p{L}\p{N}]/u.exec(username)?.[0] ?? '?').toUpperCase()
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" width="96" height="96" role="img">
<defs><linearGradient id="g" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="hsl(${hue} 62% 46%)"/><stop offset="1" stop-color="hsl(${second} 66% 36%)"/></linearGradient></defs>
<rect width="96" height="96" fill="url(#g)"/>
<text x="48" y="50" dominant-baseline="central" text-anchor="middle" font-family="system-ui, sans-serif" font-size="44" font-weight="600" fill="#fff">${initial}</text>
</svg>`
}

// @ts-check

/** @typedef {{ id: string, username?: string, name: string, email?: string, picture?: string }} User */

/**
 * The only page of the Space.
 *
 * @param {{ user?: User, isFramed: boolean, message?: string }} context
 */
export function page({ user, isFramed, message }) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Sign in with Hugging Face</title>
<style>
:root{--paper:#faf8f3;--ink:#211e18;--edge:#857c6c;--gold:#7a6000;--focus:#1d4ed8}
@media (prefers-color-scheme:dark){:root{--paper:#15130f;--ink:#f5f1e8;--edge:#8b8373;--gold:#ffd21e;--focus:#93b8ff}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-content:center;background:var(--paper);color:var(--ink);font:17px/1.5 system-ui,sans-serif;text-align:center;overflow-wrap:anywhere}
main{max-width:30rem;padding:1rem}
img,svg{vertical-align:middle}
img{border-radius:50%}
h1{margin:.5rem 0}
p{margin:.5rem 0;text-wrap:balance}
.button{display:inline-block;margin:.75rem;padding:.625rem 1.125rem;border:1px solid var(--edge);border-radius:.625rem;background:none;color:inherit;font:inherit;font-weight:600;text-decoration:none;cursor:pointer}
.primary{border-color:var(--gold);background:#ffd21e;color:#000}
:is(a,button):focus-visible{outline:3px solid var(--focus);outline-offset:3px}
</style>
</head>
<body>
<main>
${message ? `<p role="status">${escaped(message)}</p>` : ''}
${user ? signedIn(user) : signedOut(isFramed)}
</main>
</body>
</html>
`
}

/** @param {User} user */
function signedIn({ id, username, name, email, picture }) {
  return `${picture ? `<img src="${escaped(picture)}" alt="" width="96" height="96">` : ''}
<h1>Hello, ${escaped(name)}!</h1>
<p>@${escaped(username ?? id)}</p>
${email ? `<p>${escaped(email)}</p>` : ''}
<form method="post" action="/sign-out"><button class="button">Sign out</button></form>`
}

// An SVG, since not every computer has a font with emoji.
const face = `<svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true"><circle cx="16" cy="16" r="14.5" fill="#ffd21e" stroke="#7a6000" stroke-width="1.5"/><path fill="none" stroke="#231f20" stroke-width="2" stroke-linecap="round" d="M11 12v1.5M21 12v1.5M10 19q6 6 12 0"/></svg>`

/** @param {boolean} isFramed */
function signedOut(isFramed) {
  const button = (/** @type {string} */ target) =>
    `<a class="button primary" href="/auth/huggingface"${target}>${face} Sign in with Hugging Face</a>`
  return isFramed
    ? `<h1>Hello!</h1>
${button(' target="_blank"')}
<p>Opens in a new tab. Continue there after you sign in.</p>
<p><a href="/" target="_blank">Open this Space in a new tab</a></p>`
    : `<h1>Hello!</h1>
${button('')}`
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}

// What the page asks of the sandbox.

/** The state of the world. */
export async function state() {
  const answer = await fetch("/state");
  if (!answer.ok) throw new Error(`the sandbox answered ${answer.status}`);
  return answer.json();
}

/** Waits until something changed after `version`, at most half a minute. */
export async function changed(version) {
  const answer = await fetch(`/_/changes?after=${version}`);
  if (!answer.ok) throw new Error(`the sandbox answered ${answer.status}`);
  return answer.json();
}

/** One control call; throws with the sandbox's reason where it is not possible. */
export async function act(path, body) {
  const answer = await fetch(`/_/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(content.error ?? `the sandbox answered ${answer.status}`);
  return content;
}

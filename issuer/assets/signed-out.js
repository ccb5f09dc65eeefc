// Goes on to the client once all frames that sign out were loaded (OpenID Connect Front-Channel
// Logout 1.0), or after five seconds. Without scripts the person follows the link.
"use strict";
{
  let isOver = false;
  const goOn = () => {
    const link = document.getElementById("continue");
    if (link && !isOver) location.replace(link.href);
    isOver = true;
  };
  addEventListener("load", goOn);
  setTimeout(goOn, 5000);
}

// A choice answers at once, in the page. No network, nothing is kept.
(function () {
  "use strict";
  for (const question of document.querySelectorAll(".dfecs-quiz fieldset")) {
    const said = question.querySelector(".dfecs-said-of");
    question.addEventListener("change", (event) => {
      const choice = event.target;
      const right = choice.dataset.right === "yes";
      question.dataset.state = right ? "right" : "wrong";
      said.textContent = `${right ? "Right." : "Not quite."} ${choice.dataset.feedback}`;
    });
  }
})();

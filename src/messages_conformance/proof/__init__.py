"""The proof: the suites against every fault and every correct variant of the reference endpoint, and what came of it.

A suite is worth what it catches and what it leaves alone. Subjects say what is tried and what has to be found, trials
try it, the matrix sums it up, and the writers lay it out.
"""

from messages_conformance.proof.matrix import Matrix
from messages_conformance.proof.prove import PROOF_FILES, ProofOptions, prove
from messages_conformance.proof.subjects import Subject, rules_without_fault, subjects
from messages_conformance.proof.suite_parameters import suite_requests
from messages_conformance.proof.trial import MODEL, Trial, run, try_subject
from messages_conformance.proof.trials import Trials

__all__ = [
    "MODEL",
    "PROOF_FILES",
    "Matrix",
    "ProofOptions",
    "Subject",
    "Trial",
    "Trials",
    "prove",
    "rules_without_fault",
    "run",
    "subjects",
    "suite_requests",
    "try_subject",
]
